import type { Command } from 'commander';
import { ActivateGrantResponseSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { exitCode } from '../exit-code.ts';
import { grantLines, nextForGrant } from '../grant-screen.ts';
import { findGrantId } from '../known-ids.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew activate`: begins a grant that waits for its first use. */
export function addActivate(program: Command, terminal: Terminal): void {
  program
    .command('activate')
    .summary('begin a grant that waits for its first use')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findGrantId(session.curfew, given);
        const answer = await session.curfew.services.grants.activateGrant({ id });
        session.show(ActivateGrantResponseSchema, answer, () =>
          answer.grant === undefined
            ? []
            : [...grantLines(answer.grant, terminal), ...nextForGrant(session, answer.grant)],
        );
        return exitCode.ok;
      });
    });
}
