import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrantCompactor } from '../../../core/access/compact-grant.ts';
import { Directory } from '../../../core/access/directory.ts';
import { uidKey } from '../../../core/access/entity.ts';
import { entityToJson } from '../../../core/access/entity-json.ts';
import type { EventOfKind } from '../../../core/access/event.ts';
import { GrantTable } from '../../../core/access/grant-table.ts';
import { inOrder } from '../../../core/feed/prove.ts';
import { Replica } from '../../../core/replica/replica.ts';
import type { Database } from '../../../core/store/connect.ts';
import {
  GENESIS_HASH,
  type PlacedEvent,
  pollLedger,
  readSnapshot,
  type Snapshot,
} from '../../../core/store/ledger.ts';
import { sharedDatabase } from '../store/database.ts';
import { activated, deleted, withdrawn } from '../store/ledger-events.ts';
import { anyHistory, groups, happen, people, read, uids } from './history.ts';
import { plainStart } from '../../support/plain-grant.ts';

const genesis = (): Snapshot => ({
  epoch: randomUUID(),
  revision: 0n,
  hash: GENESIS_HASH,
  basisRevision: 0n,
  grants: new GrantTable(),
  locks: [],
  entities: [],
  policyDigest: undefined,
});

const shared = sharedDatabase();

test('I14 a replica is what the ledger comes to, from wherever it starts and however it is read', {
  timeout: 120_000,
}, async () => {
  const grant = shared().open('grant');
  const decision = shared().open('decision');
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.infiniteStream(fc.nat(6)), async (history, choices) => {
      const snapshots = [await readSnapshot(decision)];
      for (const happenings of history) {
        await happen(grant, happenings, live);
        snapshots.push(await readSnapshot(decision));
      }
      const first = snapshots[0] ?? genesis();
      const events = await eventsAfter(decision, first.revision);
      const folded = await replicaFrom(first);
      for (const snapshot of snapshots) {
        const next = events.filter(
          ({ revision }) => revision > folded.revision && revision <= snapshot.revision,
        );
        for (const batch of batches(next, choices)) for (const placed of batch) await folded.apply(placed);
        expect(stateOf(folded)).toEqual(stateOf(await replicaFrom(snapshot)));
      }
    }),
    { numRuns: 25 },
  );
});

/** Grants that have not ended, in all histories so far: they share the database. */
const live = new Map();

test('D7 any permutation and duplication of a batch gives the same replica', {
  timeout: 120_000,
}, async () => {
  const grant = shared().open('grant');
  const decision = shared().open('decision');
  const start = await readSnapshot(decision);
  for (const happenings of fc.sample(anyHistory, { seed: 7, numRuns: 3 }).flat())
    await happen(grant, happenings, live);
  const events = await eventsAfter(decision, start.revision);
  const expected = stateOf(await replicaFrom(start, events));
  await fc.assert(
    fc.asyncProperty(shuffledAndDoubled(events), async (arrived) => {
      expect(stateOf(await replicaFrom(start, inOrder(arrived)))).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test('D7 an event that comes again changes nothing, not even one that would end what began since', async () => {
  const [ending, starting] = [placed(1n, grantEnded), placed(2n, grantStarted)];
  const replica = await replicaFrom(genesis(), [ending, starting]);
  await replica.apply(ending);
  expect(replica.grants.size).toBe(1);
  expect(replica.revision).toBe(2n);
});

test('D8 an event that leaves a gap is refused and changes nothing', async () => {
  const replica = await replicaFrom(genesis(), [placed(1n, grantStarted)]);
  await expect(replica.apply(placed(3n, grantEnded))).rejects.toThrow(
    'revision 3 cannot follow 1: events are missing',
  );
  expect(replica.revision).toBe(1n);
  expect(replica.grants.size).toBe(1);
});

test('the basis is the last event that changed directory or policies', async () => {
  const replica = await replicaFrom(genesis());
  const basisAfter = async (revision: bigint, event: PlacedEvent['event']): Promise<bigint> => {
    await replica.apply(placed(revision, event));
    return replica.basisRevision;
  };
  expect(await basisAfter(1n, withdrawn(randomUUID()))).toBe(0n);
  expect(await basisAfter(2n, activated())).toBe(2n);
  expect(await basisAfter(3n, grantStarted)).toBe(2n);
  expect(await basisAfter(4n, deleted())).toBe(4n);
});

test('an event whose text was erased is refused: what came of it is in the snapshot', async () => {
  const { text: _, ...erased } = grantStarted;
  const replica = await replicaFrom(genesis());
  await expect(replica.apply(placed(1n, erased as typeof grantStarted))).rejects.toThrow(
    'the text of GRANT_STARTED was erased: start from a snapshot',
  );
  expect(replica.revision).toBe(0n);
});

test('the set of a snapshot is loaded once, however often that is begun anew', async () => {
  const digest = 'ab'.repeat(32);
  const files = new Map([['schema.cedarschema', '']]);
  const loads: unknown[] = [];
  const replica = new Replica(async (...load) => {
    loads.push(load);
    return { kind: 'failed', digest, why: 'of no matter' };
  });
  replica.prepare(digest, files);
  replica.prepare(digest, files);
  expect(replica.policies).toEqual({ kind: 'none' });
  await replica.reset({ ...genesis(), policyDigest: digest });
  expect(loads).toEqual([[digest, files]]);
  expect(replica.policies).toMatchObject({ kind: 'failed', digest });
});

test('a set that another one followed before the snapshot came is not taken', async () => {
  const [before, digest] = ['ab'.repeat(32), 'cd'.repeat(32)];
  const replica = new Replica(async (each) => ({ kind: 'failed', digest: each, why: 'of no matter' }));
  replica.prepare(before, new Map());
  await replica.reset({ ...genesis(), policyDigest: digest });
  expect(replica.policies).toMatchObject({ digest });
});

test('a set that could not be loaded while its snapshot was read is loaded with the next one', async () => {
  const digest = 'ab'.repeat(32);
  let isAway = true;
  const replica = new Replica(async () => {
    if (isAway) throw new Error('the database did not answer');
    return { kind: 'failed', digest, why: 'of no matter' };
  });
  replica.prepare(digest, new Map());
  await expect(replica.reset({ ...genesis(), policyDigest: digest })).rejects.toThrow('did not answer');
  isAway = false;
  replica.prepare(digest, new Map());
  await replica.reset({ ...genesis(), policyDigest: digest });
  expect(replica.policies).toMatchObject({ digest });
});

test('a policy set that cannot be loaded now leaves the replica where it was', async () => {
  const replica = new Replica(() => Promise.reject(new Error('the database did not answer')));
  await replica.reset(genesis());
  await expect(replica.apply(placed(1n, activated()))).rejects.toThrow('the database did not answer');
  expect(replica.revision).toBe(0n);
  expect(replica.policies).toEqual({ kind: 'none' });
  await expect(replica.reset({ ...genesis(), policyDigest: 'ab'.repeat(32) })).rejects.toThrow(
    'the database did not answer',
  );
});

test('the replica stays as it was while a policy set is loaded', async () => {
  const loading = Promise.withResolvers<{ kind: 'failed'; digest: string; why: string }>();
  const replica = new Replica(() => loading.promise);
  await replica.reset(genesis());
  await replica.apply(placed(1n, grantStarted));
  const resetting = replica.reset({ ...genesis(), revision: 7n, policyDigest: 'ab'.repeat(32) });
  expect(replica.revision).toBe(1n);
  expect(replica.grants.size).toBe(1);
  loading.resolve({ kind: 'failed', digest: 'ab'.repeat(32), why: 'x' });
  await resetting;
  expect(replica.revision).toBe(7n);
  expect(replica.grants.size).toBe(0);
});

test('without a policy set in force there is no engine, and with one that cannot be loaded neither', async () => {
  const replica = await replicaFrom(genesis());
  expect(() => replica.engine).toThrow(expect.objectContaining({ reason: 'POLICIES_MISSING' }));
  await replica.apply(placed(1n, activated()));
  expect(() => replica.engine).toThrow(expect.objectContaining({ reason: 'EVALUATION_FAILED' }));
});

const at = new Date('2026-01-02T03:04:05.678Z');
const grantId = randomUUID();
const requestId = randomUUID();

const grantStarted: EventOfKind<'GRANT_STARTED'> = {
  ...plainStart,
  kind: 'GRANT_STARTED',
  at,
  actor: 'User::"ada"',
  requestId,
  grantId,
  item: 0,
  requester: { type: 'User', id: 'ada' },
  subject: { type: 'User', id: 'ada' },
  actions: [{ type: 'Action', id: 'read' }],
  resource: { type: 'Database', id: 'orders' },
  workflow: 'w',
  steps: [],
  startsAt: at,
  expiresAt: new Date('2100-01-01'),
  text: '{"reason":"r","ticket":""}',
};

const grantEnded: EventOfKind<'GRANT_ENDED'> = {
  kind: 'GRANT_ENDED',
  at,
  actor: 'User::"ada"',
  requestId,
  grantId,
  endReason: 'REVOKED',
  endedAt: at,
};

function placed(revision: bigint, event: PlacedEvent['event']): PlacedEvent {
  return { revision, hash: GENESIS_HASH, previousHash: GENESIS_HASH, event };
}

async function replicaFrom(snapshot: Snapshot, events: readonly PlacedEvent[] = []): Promise<Replica> {
  const replica = new Replica((digest) => Promise.resolve({ kind: 'failed', digest, why: 'not here' }));
  // A replica changes the grants that it is given.
  const grants = new GrantTable();
  const compactor = new GrantCompactor();
  for (const grant of snapshot.grants.all()) grants.add(compactor.compact(grant));
  await replica.reset({ ...snapshot, grants });
  for (const event of events) await replica.apply(event);
  return replica;
}

/** What of a replica decides anything: grants by those that are live. */
function stateOf(replica: Replica) {
  const now = new Date();
  const grants = people.flatMap((principal) =>
    groups.flatMap((resource) =>
      replica.grants.covering({
        principal,
        action: read,
        resource,
        directory: new Directory(),
        late: now,
        early: now,
        usedUp: true,
      }),
    ),
  );
  const locks = [...replica.locks.onEntities(uids.map(uidKey), now), ...replica.locks.onEverything(now)];
  return {
    revision: replica.revision,
    basisRevision: replica.basisRevision,
    policies: replica.policies,
    grants: new Map(grants.map((grant) => [grant.id, grant])),
    locks: new Map(locks.map((lock) => [lock.id, lock])),
    entities: new Map(
      [...replica.directory.all()].map((it) => [uidKey(it.uid), JSON.stringify(entityToJson(it))]),
    ),
  };
}

async function eventsAfter(database: Database, revision: bigint): Promise<readonly PlacedEvent[]> {
  return (await pollLedger(database, revision, 10_000)).events;
}

function* batches<T>(all: readonly T[], sizes: fc.Stream<number>): Iterable<readonly T[]> {
  for (let from = 0; from < all.length; ) {
    const size = 1 + (sizes.next().value ?? 0);
    yield all.slice(from, from + size);
    from += size;
  }
}

function shuffledAndDoubled<T>(all: readonly T[]): fc.Arbitrary<readonly T[]> {
  const times = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: all.length, maxLength: all.length });
  return times.chain((copies) => {
    const doubled = all.flatMap((one, i) => (copies[i] === 2 ? [one, one] : [one]));
    return fc.shuffledSubarray(doubled, { minLength: doubled.length });
  });
}
