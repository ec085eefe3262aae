import type { Command } from 'commander';
import type { Check } from '../doctor/check.ts';
import { exitCode } from '../exit-code.ts';
import { printable, printableJson } from '../printable.ts';
import { globalOptions } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew doctor`: looks for what is wrong, and says what to do. Exits 1 if anything fails. */
export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .summary('look for what is wrong and say what to do; exits 1 if anything fails')
    .description(
      'Looks at Node.js, the database of CURFEW_DATABASE_URL, both services, clocks, the token at hand and the policy folder. Works when half of it is down.',
    )
    .action(async (_options: object, command: Command) => {
      const options = globalOptions(command);
      const { examine } = await import('../doctor/examine.ts');
      const checks = await examine(options, terminal);
      const isWell = checks.every(({ state }) => state !== 'failure');
      terminal.out(
        options.output === 'json' ? [printableJson({ ok: isWell, checks })] : lines(checks, terminal),
      );
      terminal.finish(isWell ? exitCode.ok : exitCode.error);
    });
}

function lines(checks: readonly Check[], { paint }: Terminal): readonly string[] {
  const paintOf = {
    ok: paint.good,
    warning: paint.waiting,
    failure: paint.bad,
    skipped: paint.faint,
  } as const;
  const stateWidth = Math.max(...checks.map(({ state }) => state.length));
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const indent = ' '.repeat(stateWidth + nameWidth + 4);
  const count = (wanted: Check['state']): number => checks.filter(({ state }) => state === wanted).length;
  return [
    ...checks.flatMap(({ name, state, seen, next }) => [
      `${paintOf[state](state.padEnd(stateWidth))}  ${name.padEnd(nameWidth)}  ${printable(seen)}`,
      ...(next === undefined ? [] : [`${indent}→ ${printable(next)}`]),
    ]),
    '',
    `${count('ok')} ok, ${count('warning')} warnings, ${count('failure')} failures, ${count('skipped')} skipped`,
  ];
}
