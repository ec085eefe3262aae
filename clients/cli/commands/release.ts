import type { Command } from 'commander';
import { ReleaseGrantResponseSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { exitCode } from '../exit-code.ts';
import { grantTable } from '../grant-table.ts';
import { findGrantId } from '../known-ids.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew release`: gives a grant back. */
export function addRelease(program: Command, terminal: Terminal): void {
  program
    .command('release')
    .summary('give a grant back before its time is up')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findGrantId(session.curfew, given);
        const answer = await session.curfew.services.grants.releaseGrant({ id });
        session.show(ReleaseGrantResponseSchema, answer, () => [
          ...(answer.grant === undefined ? [] : grantTable([answer.grant], terminal)),
          ...session.next('grants', '--mine'),
        ]);
        return exitCode.ok;
      });
    });
}
