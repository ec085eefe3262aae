import { basename, relative } from 'node:path';
import type { GlobalOptions } from './connect.ts';
import { printable } from './printable.ts';
import { shellQuote } from './shell-quote.ts';
import type { Terminal } from './terminal.ts';

/**
 * A command as it can be pasted into a shell: called as this one was, by the same caller. Entities are exact whatever they are called;
 * a control character in another word is written out, for it must not reach the terminal.
 *
 * @param words the words after the program's name, unquoted
 */
export function commandLine(
  words: readonly string[],
  { as, tokenFile }: Pick<GlobalOptions, 'as' | 'tokenFile'>,
  terminal: Pick<Terminal, 'env' | 'cwd' | 'program'>,
): string {
  const caller = [
    ...(as === undefined ? [] : ['--as', as]),
    ...(tokenFile === undefined ? [] : ['--token-file', tokenFile]),
  ];
  return [...program(terminal), ...words, ...caller].map((word) => shellQuote(printable(word))).join(' ');
}

function program({ env, cwd, program: path }: Pick<Terminal, 'env' | 'cwd' | 'program'>): readonly string[] {
  if (env['npm_lifecycle_event'] === 'npx') return ['npx', 'curfew'];
  return basename(path) === 'curfew.js' ? ['node', relative(cwd, path)] : ['curfew'];
}
