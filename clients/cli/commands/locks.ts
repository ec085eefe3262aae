import type { Command } from 'commander';
import { type Lock, ListLocksResponseSchema } from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { lockTable } from '../lock-screen.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface LocksOptions extends PagingOptions {
  readonly on?: string;
  readonly all: boolean;
}

/** `curfew locks`: lists locks. */
export function addLocks(program: Command, terminal: Terminal): void {
  const locks = program
    .command('locks')
    .summary('list locks')
    .description('Lists the locks that hold and that you may see, newest first.')
    .option('--on <entity>', 'only those that stop this: on it or on something that it is inside of')
    .option('--all', 'those too that were lifted or whose time is up', false)
    .action(async (options: LocksOptions, command: Command) => {
      const entity = options.on === undefined ? undefined : parseEntity(options.on, '--on');
      await inSession(command, terminal, async (session) => {
        const answer = await session.curfew.services.locks.listLocks({
          pageSize: options.limit,
          pageToken: options.pageToken,
          includeLifted: options.all,
          ...(entity === undefined ? {} : { entity: { ...entity } }),
        });
        session.show(ListLocksResponseSchema, answer, () => [
          ...(answer.locks.length === 0 ? ['no locks'] : lockTable(answer.locks, terminal)),
          ...nextPage(
            session,
            answer.nextPageToken,
            ['locks', ...filters(options)],
            next(session, answer.locks, options),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(locks);
}

function next(session: Session, locks: readonly Lock[], options: LocksOptions): readonly string[] {
  const mine = locks.find(({ mayLift }) => mayLift);
  if (mine !== undefined) return session.next('unlock', mine.id, '--reason', 'say why');
  return options.all ? session.next('grants') : session.next('locks', ...filters(options), '--all');
}

function filters({ on, all }: LocksOptions): readonly string[] {
  return [...(on === undefined ? [] : ['--on', on]), ...(all ? ['--all'] : [])];
}
