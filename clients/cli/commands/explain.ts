import type { Command } from 'commander';
import { suggest } from '../../../core/policy/closest.ts';
import { usageError } from '../cli-error.ts';
import { columns, facts } from '../columns.ts';
import { commandLine } from '../command-line.ts';
import { exitCode } from '../exit-code.ts';
import { printable, printableJson } from '../printable.ts';
import { findReason, type ReasonEntry, reasonCatalogue } from '../reason-catalogue.ts';
import { globalOptions } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew explain`: what a reason of an error means; no service is asked. */
export function addExplain(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .summary('say what an error means, how it comes about and what to do')
    .argument(
      '[reason]',
      'the name in the brackets of an error, such as STALE; all of them are listed without',
    )
    .action((given: string | undefined, _options: object, command: Command) => {
      const isJson = globalOptions(command).output === 'json';
      terminal.out(given === undefined ? list(command, terminal, isJson) : one(given, terminal, isJson));
      terminal.finish(exitCode.ok);
    });
}

function one(given: string, terminal: Terminal, isJson: boolean): readonly string[] {
  const reason = given
    .toUpperCase()
    .replaceAll('-', '_')
    .replace(/^ERROR_REASON_/, '');
  const entry = findReason(reason);
  if (entry === undefined)
    throw usageError(
      'reason',
      `seen ${JSON.stringify(given)}, ${suggest(reason, Object.keys(reasonCatalogue))}`,
      'curfew explain lists every reason',
    );
  if (isJson) return [printableJson({ reason, ...entry })];
  return [terminal.paint.strong(reason), ...facts(described(entry))];
}

function described({ code, meaning, cause, remedy }: ReasonEntry): readonly (readonly [string, string])[] {
  return [
    ['gRPC code', code],
    ['meaning', meaning],
    ['cause', cause],
    ['what to do', remedy],
  ];
}

function list(command: Command, terminal: Terminal, isJson: boolean): readonly string[] {
  const entries = Object.entries(reasonCatalogue);
  if (isJson) return [printableJson({ reasons: entries.map(([reason, entry]) => ({ reason, ...entry })) })];
  const rows = entries.map(([reason, { code, meaning }]) => [reason, code, meaning]);
  const next = commandLine(['explain', 'STALE'], globalOptions(command), terminal);
  return [
    ...columns(['REASON', 'GRPC CODE', 'MEANING'], rows),
    '',
    `Next: ${terminal.paint.command(printable(next))}`,
  ];
}
