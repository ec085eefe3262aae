import { Argument, type Command } from 'commander';
import type { Inspection, ProcessName } from '../../../core/processes/inspect-process.ts';
import { CliError } from '../cli-error.ts';
import { clientVariables } from '../client-variables.ts';
import { columns } from '../columns.ts';
import { connect, type GlobalOptions } from '../connect.ts';
import { exitCode } from '../exit-code.ts';
import { text, printableJson } from '../printable.ts';
import { globalOptions } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface Found {
  readonly settings: readonly Setting[];
  readonly problems: readonly Problem[];
}

interface Problem {
  readonly variable?: string;
  readonly problem: string;
}

type Setting = Inspection['settings'][number];

const processes: readonly ProcessName[] = ['grant', 'decision', 'migrate', 'standalone'];

/** `curfew config`: what a process, or this command line, takes from the environment; nothing is started and no service is asked. */
export function addConfig(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .summary('show what a process would take from this environment; exits 1 if it would not start')
    .description(
      'Shows each variable that the process reads: its value (never of a secret), where it is from and what it means. Without a process: what this command line reads.',
    )
    .addArgument(new Argument('[process]').choices(processes))
    .action(async (name: ProcessName | undefined, _options: object, command: Command) => {
      const options = globalOptions(command);
      const found = name === undefined ? inspectClient(options, terminal) : await inspect(name, terminal);
      const isGood = found.problems.length === 0;
      terminal.out(
        options.output === 'json'
          ? [printableJson({ process: name ?? 'client', ...found })]
          : screen(found, terminal),
      );
      terminal.finish(isGood ? exitCode.ok : exitCode.error);
    });
}

async function inspect(name: ProcessName, { env }: Terminal): Promise<Found> {
  // The schemas of the services' settings would make every other command slower.
  const { inspectProcess } = await import('../../../core/processes/inspect-process.ts');
  return inspectProcess(name, env);
}

function inspectClient(options: GlobalOptions, terminal: Terminal): Found {
  const settings = clientVariables.map(({ variable, meaning, fallback, isSecret }): Setting => {
    const value = terminal.env[variable] || undefined; // an empty variable is none
    if (value === undefined)
      return { variable, value: fallback, from: fallback === undefined ? 'unset' : 'default', meaning };
    return {
      variable,
      value: isSecret === true ? '(a secret, not shown)' : value,
      from: 'environment',
      meaning,
    };
  });
  try {
    connect(options, terminal).close();
    return { settings, problems: [] };
  } catch (error) {
    return { settings, problems: [clientProblem(error)] };
  }
}

/** Its errors name the variable, or the option, themselves. */
function clientProblem(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const next = error instanceof CliError ? error.next : undefined;
  return { problem: next === undefined ? message : `${message}; ${next}` };
}

function screen({ settings, problems }: Found, { paint }: Terminal): readonly string[] {
  const rows = settings.map(({ variable, value, from, file, meaning }) => [
    variable,
    value === '' ? '""' : (value ?? '–'),
    from === 'file' ? `file ${file}` : from,
    { text: meaning, paint: paint.faint },
  ]);
  return [
    ...columns(['VARIABLE', 'VALUE', 'FROM', 'MEANING'], rows),
    '',
    ...(problems.length === 0
      ? [`${paint.good('GOOD')}  nothing is missing and nothing is wrong`]
      : problems.map(
          ({ variable, problem }) =>
            `${paint.bad('WRONG')}  ${variable === undefined ? '' : text`${variable}: `}${text`${problem}`}`,
        )),
  ];
}
