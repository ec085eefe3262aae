import type { Command } from 'commander';
import { RemindReviewersResponseSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { exitCode } from '../exit-code.ts';
import { findRequestId } from '../known-ids.ts';
import { requestLines } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew remind`: asks the reviewers of a pending request once more. */
export function addRemind(program: Command, terminal: Terminal): void {
  program
    .command('remind')
    .summary('ask the reviewers of a request once more, at most once an hour')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findRequestId(session.curfew, given);
        const answer = await session.curfew.services.grants.remindReviewers({ id });
        session.show(RemindReviewersResponseSchema, answer, () => [
          ...(answer.request === undefined ? [] : requestLines(answer.request, terminal)),
          ...session.next('requests', 'show', id),
        ]);
        return exitCode.ok;
      });
    });
}
