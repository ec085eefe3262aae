import type { Command } from 'commander';
import { WithdrawAccessRequestResponseSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { exitCode } from '../exit-code.ts';
import { findRequestId } from '../known-ids.ts';
import { requestLines } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew withdraw`: takes a pending request back. */
export function addWithdraw(program: Command, terminal: Terminal): void {
  program
    .command('withdraw')
    .summary('take a pending request back')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findRequestId(session.curfew, given);
        const answer = await session.curfew.services.grants.withdrawAccessRequest({ id });
        session.show(WithdrawAccessRequestResponseSchema, answer, () => [
          ...(answer.request === undefined ? [] : requestLines(answer.request, terminal)),
          ...session.next('requests', '--mine'),
        ]);
        return exitCode.ok;
      });
    });
}
