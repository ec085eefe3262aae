import type { Command } from 'commander';
import { DeleteLockResponseSchema } from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { exitCode } from '../exit-code.ts';
import { findLockId } from '../known-ids.ts';
import { lockLines } from '../lock-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew unlock`: lifts a lock. */
export function addUnlock(program: Command, terminal: Terminal): void {
  program
    .command('unlock')
    .summary('lift a lock')
    .description('What the lock stopped goes on, unless another lock stops it too.')
    .argument('<id>', 'the id, or the beginning of it')
    .requiredOption('-r, --reason <text>', 'why')
    .action(async (given: string, { reason }: { readonly reason: string }, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findLockId(session.curfew, given);
        const answer = await session.curfew.services.locks.deleteLock({ id, reason });
        session.show(DeleteLockResponseSchema, answer, () => [
          ...(answer.lock === undefined ? [] : lockLines(answer.lock, terminal)),
          ...session.next('locks'),
        ]);
        return exitCode.ok;
      });
    });
}
