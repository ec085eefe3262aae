import { Command, Option } from 'commander';
import { clientVariables } from './client-variables.ts';
import { addActivate } from './commands/activate.ts';
import { addCan } from './commands/can.ts';
import { addCompletion } from './commands/completion.ts';
import { addConfig } from './commands/config.ts';
import { addDirectory } from './commands/directory.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExplain } from './commands/explain.ts';
import { addExtend } from './commands/extend.ts';
import { addGrants } from './commands/grants.ts';
import { addLedger } from './commands/ledger.ts';
import { addLock } from './commands/lock.ts';
import { addLocks } from './commands/locks.ts';
import { addOffboard } from './commands/offboard.ts';
import { addOwed } from './commands/owed.ts';
import { addPolicy } from './commands/policy.ts';
import { addRelease } from './commands/release.ts';
import { addRemind } from './commands/remind.ts';
import { addRequest } from './commands/request.ts';
import { addRequestable } from './commands/requestable.ts';
import { addRequests } from './commands/requests.ts';
import { addReview } from './commands/review.ts';
import { addRevoke } from './commands/revoke.ts';
import { addStatus } from './commands/status.ts';
import { addUnlock } from './commands/unlock.ts';
import { addWhoami } from './commands/whoami.ts';
import { addWithdraw } from './commands/withdraw.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** The whole command line. Errors of usage are thrown as CommanderError, after commander has told them. */
export function createProgram(terminal: Terminal, version: string): Command {
  const program = new Command('curfew')
    .description('Ask for access, review requests, and see and end what was granted.')
    .version(version, '-V, --version')
    .addOption(
      new Option('-o, --output <format>', 'how answers are shown')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option('--as <name>', 'who you are to a development Curfew: a name in .curfew/tokens.json')
    .option('--token-file <file>', 'a file with the bearer token of whoever is calling')
    .exitOverride()
    .showHelpAfterError('(add --help to see how it is used)')
    .configureOutput({
      writeOut: (message) => terminal.out([message.trimEnd()]),
      writeErr: (message) => terminal.note([message.trimEnd()]),
      outputError: (message, write) => write(safeLines(message)),
    })
    .addHelpText('after', help());
  for (const add of [
    addCan,
    addRequest,
    addRequests,
    addRequestable,
    addReview,
    addWithdraw,
    addRemind,
    addGrants,
    addActivate,
    addExtend,
    addOwed,
    addRelease,
    addRevoke,
    addLock,
    addUnlock,
    addLocks,
    addOffboard,
    addLedger,
    addDirectory,
    addPolicy,
    addStatus,
    addWhoami,
    addExplain,
    addConfig,
    addCompletion,
    addDoctor,
  ])
    add(program, terminal);
  return program;
}

const help = () => `
Environment:
${variables()}

Exit codes:
  0 ok, allowed, approved   1 error   2 usage   3 policies invalid   4 policy tests failed
  10 denied   11 pending   12 expired   13 different

Example:
  curfew can read Database::orders --as ada`;

function variables(): string {
  const width = Math.max(...clientVariables.map(({ variable }) => variable.length));
  return clientVariables
    .map(({ variable, meaning, fallback }) => {
      const otherwise = fallback === undefined ? '' : ` (${fallback})`;
      return `  ${variable.padEnd(width)}  ${meaning}${otherwise}`;
    })
    .join('\n');
}

/** Commander repeats what was typed, which a script may have from elsewhere. */
function safeLines(message: string): string {
  return message.split('\n').map(printable).join('\n');
}
