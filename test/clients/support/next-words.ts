import { execFileSync } from 'node:child_process';

/** The words after the program in the command that a screen ends with, as a POSIX shell reads them. */
export function nextWords(stdout: string): readonly string[] {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  const command = last.replace(/^Next: node \S+curfew\.js /, '');
  const words = execFileSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
  return words.split('\0').slice(0, -1);
}
