import type { LiveGrant } from '../../../core/access/grant.ts';
import { holdsAt, type Lock } from '../../../core/access/lock.ts';
import type { Followed } from '../../../core/replica/follow.ts';
import type { Database } from '../../../core/store/connect.ts';
import { readSnapshot } from '../../../core/store/ledger.ts';

interface Memory {
  readonly grants: readonly LiveGrant[];
  readonly locks: readonly (Lock | undefined)[];
}

/** What there is in memory and in the tables of one revision. */
export interface Memories {
  readonly tables: Memory;
  readonly memories: readonly Memory[];
}

/** Reads the tables, and waits until all memories are of that revision. */
export async function readMemories(
  database: Database,
  all: readonly Pick<Followed, 'clock' | 'follower' | 'replica'>[],
): Promise<Memories> {
  const { grants, locks, revision } = await readSnapshot(database);
  await Promise.all(all.map(({ follower }) => follower.waitFor(revision, 10_000)));
  const now = new Date(Math.max(...all.map(({ clock }) => clock.late().getTime())));
  const standing = locks.filter((lock) => holdsAt(lock, now));
  return {
    tables: { grants: going(grants.all(), now), locks: standing },
    memories: all.map(({ replica }) => ({
      grants: going(replica.grants.all(), now),
      locks: standing.map(({ id }) => replica.locks.get(id)),
    })),
  };
}

/** Memory forgets after a while what time has ended, the tables when somebody writes it down. Uses that end nothing are in no ledger. */
function going(grants: Iterable<LiveGrant>, now: Date): readonly LiveGrant[] {
  return [...grants]
    .filter(({ expiresAt }) => expiresAt > now)
    .map((grant) => ({ ...grant, lastUsedAt: undefined }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
