import { resolve } from 'node:path';
import { toJson } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { ValidatePoliciesResponseSchema } from '../../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import { commandLine } from '../command-line.ts';
import { exitCode } from '../exit-code.ts';
import type { FolderCheck } from '../policy-report.ts';
import { checkJson, checkLines, isPassed, problemLines, testJson, testLines } from '../policy-screen.ts';
import { printableJson } from '../printable.ts';
import { globalOptions, inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface CheckOptions {
  readonly against?: string | true;
}

/** `curfew policy check` and `curfew policy test`: no service is asked, unless the effect on a running one is to be told. */
export function addPolicy(program: Command, terminal: Terminal): void {
  const policy = program.command('policy').summary('check and test a folder of policies');
  policy
    .command('check')
    .summary('say what is wrong with the policies, by file, line and column; exits 3 if anything is')
    .argument('[folder]', 'default: CURFEW_POLICIES, or policies')
    .option(
      '--against [address]',
      'ask a running Curfew too: which grants would end, which requests nobody could answer (CURFEW_ADDRESS unless said)',
    )
    .action(async (given: string | undefined, options: CheckOptions, command: Command) => {
      // Cedar is loaded for these commands only: it would make every other one slower.
      const { checkFolder } = await import('../policy-report.ts');
      const check = await checkFolder(folderOf(given, terminal), terminal.now());
      if (check.ok && options.against !== undefined) {
        await checkAgainst(options.against, { check, folder: folderOf(given, terminal), command, terminal });
        return;
      }
      const isJson = globalOptions(command).output === 'json';
      terminal.out(
        isJson
          ? [printableJson(checkJson(check))]
          : [...checkLines(check, terminal), ...next(command, terminal, given, check.ok)],
      );
      terminal.finish(check.ok ? exitCode.ok : exitCode.policyInvalid);
    });
  policy
    .command('test')
    .summary('run the cases in cases/*.yaml; exits 4 if one fails')
    .argument('[folder]', 'default: CURFEW_POLICIES, or policies')
    .action(async (given: string | undefined, _options: object, command: Command) => {
      const { testFolder } = await import('../policy-report.ts');
      const test = await testFolder(folderOf(given, terminal));
      const isGood = test.ok && isPassed(test.reports);
      if (globalOptions(command).output === 'json') {
        terminal.out([printableJson(test.ok ? testJson(test.reports) : test)]);
      } else {
        terminal.out(test.ok ? testLines(test.reports, terminal) : test.problems.flatMap(problemLines));
        terminal.out(next(command, terminal, given, isGood));
      }
      terminal.finish(isGood ? exitCode.ok : test.ok ? exitCode.testsFailed : exitCode.policyInvalid);
    });
}

interface Checked {
  readonly check: FolderCheck;
  readonly folder: string;
  readonly command: Command;
  readonly terminal: Terminal;
}

/** What a running Curfew would make of a folder that is good in itself. */
async function checkAgainst(
  address: string | true,
  { check, folder, command, terminal }: Checked,
): Promise<void> {
  const { askForEffect, effectLines, isAccepted } = await import('../policy-effect.ts');
  const env = address === true ? terminal.env : { ...terminal.env, CURFEW_GRANT_ADDRESS: address };
  await inSession(command, { ...terminal, env }, async (session) => {
    const { curfew, isJson } = session;
    const effect = await askForEffect(curfew, folder);
    terminal.out(
      isJson
        ? [printableJson({ ...checkJson(check), effect: toJson(ValidatePoliciesResponseSchema, effect) })]
        : [
            ...checkLines(check, terminal),
            ...effectLines(effect, terminal),
            ...session.next('policy', 'test', folder),
          ],
    );
    return isAccepted(effect) ? exitCode.ok : exitCode.policyInvalid;
  });
}

function folderOf(given: string | undefined, { env, cwd }: Terminal): string {
  return resolve(cwd, given ?? (env['CURFEW_POLICIES'] || 'policies')); // an empty variable is none
}

/** After a good check come the tests; after good tests the policies can be used; what is wrong is mended and checked again. */
function next(
  command: Command,
  terminal: Terminal,
  given: string | undefined,
  isGood: boolean,
): readonly string[] {
  const folder = given === undefined ? [] : [given];
  const words =
    isGood && command.name() === 'test'
      ? ['status']
      : ['policy', isGood ? 'test' : command.name(), ...folder];
  return ['', `Next: ${terminal.paint.command(commandLine(words, globalOptions(command), terminal))}`];
}
