import type { EntityUid } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import { accountsAndAncestors } from '../../core/access/person.ts';
import { readGrants } from '../../core/store/grants.ts';
import { listLocks, type PlacedLock } from '../../core/store/locks.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { maySeeLock } from './lock-rights.ts';
import type { Page } from './page-token.ts';
import { type Listed, scan } from './scan.ts';

export interface LockFilter {
  readonly caller: EntityUid;
  /** Only locks that stop it now. */
  readonly entity: EntityUid | undefined;
  readonly includesEnded: boolean;
}

/** A lock with the grant that it stops, if it is one. */
export interface FoundLock extends PlacedLock {
  readonly grant: Grant | undefined;
}

/** Locks that the caller may see, newest first. @throws AccessError */
export async function listLocksOf(
  context: GrantContext,
  { caller, entity, includesEnded }: LockFilter,
  page: Page,
  signal: AbortSignal,
): Promise<Listed<FoundLock>> {
  await catchUp(context);
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const entities = entity === undefined ? undefined : [...accountsAndAncestors(replica.directory, entity)];
  return await scan(
    page,
    async ({ before, size }) => {
      const found = await listLocks(context.database, { before, size, entities, includesEnded });
      return { rows: await withGrants(context, found), isLast: found.length < size };
    },
    {
      positionOf: (row) => row.position,
      isWanted: ({ lock, grant }) => maySeeLock(replica, lock, grant, { caller, now }),
      signal,
    },
  );
}

async function withGrants(context: GrantContext, rows: readonly PlacedLock[]): Promise<readonly FoundLock[]> {
  const ids = rows.flatMap(({ lock: { target } }) => (target.kind === 'grant' ? [target.grantId] : []));
  const grants = await readGrants(context.database, [...new Set(ids)]);
  return rows.map((row) => {
    const { target } = row.lock;
    return { ...row, grant: target.kind === 'grant' ? grants.get(target.grantId)?.grant : undefined };
  });
}
