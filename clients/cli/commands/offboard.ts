import type { Command } from 'commander';
import { OffboardPrincipalResponseSchema } from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { facts } from '../columns.ts';
import { entityArgument, parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { lockLines } from '../lock-screen.ts';
import { showEntity } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew offboard`: takes a person or a service out at once. */
export function addOffboard(program: Command, terminal: Terminal): void {
  program
    .command('offboard')
    .summary('take a person or a service out at once')
    .description(
      'Locks them until somebody lifts it, ends their grants, withdraws their pending requests and takes back their votes on those of others. Other accounts of the person are only locked, and named.',
    )
    .argument('<principal>', 'the person or service')
    .requiredOption('-r, --reason <text>', 'why')
    .action(async (given: string, { reason }: { readonly reason: string }, command: Command) => {
      const principal = parseEntity(given, 'principal');
      await inSession(command, terminal, async (session) => {
        const answer = await session.curfew.services.locks.offboardPrincipal({
          principal: { ...principal },
          reason,
        });
        session.show(OffboardPrincipalResponseSchema, answer, () => [
          ...(answer.lock === undefined ? [] : lockLines(answer.lock, terminal)),
          '',
          ...facts([
            ['grants ended', listed(answer.endedGrantIds)],
            ['requests withdrawn', listed(answer.withdrawnRequestIds)],
            ['votes taken back', listed(answer.unvotedRequestIds)],
            ['only locked', answer.otherAccounts.map(showEntity).join(', ')],
          ]),
          ...answer.otherAccounts.flatMap((other) =>
            session.next('offboard', entityArgument(other), '--reason', reason),
          ),
          ...session.next('locks', '--on', entityArgument(principal)),
        ]);
        return exitCode.ok;
      });
    });
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}
