import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { entityToJson } from '../../../core/access/entity-json.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import { claimedWindow, type LiveGrant } from '../../../core/access/grant.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { Database } from '../../../core/store/connect.ts';
import { deleteEntities, writeEntities } from '../../../core/store/entities.ts';
import {
  claimGrant,
  endGrant,
  extendGrant,
  insertGrant,
  openGrant,
} from '../../../core/store/grant-changes.ts';
import { countUse } from '../../../core/store/grant-uses.ts';
import { insertLock, liftLock, readLocks } from '../../../core/store/locks.ts';
import { say } from '../../../services/grant/said-entity.ts';
import { writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition, type Trx } from '../../../core/store/transition.ts';
import { plainGrant } from '../../support/plain-grant.ts';
import { insert, item, request } from '../store/valid-rows.ts';

const actor = 'User::"ada"';
const at = new Date('2026-01-02T03:04:05.678Z');
const cast = { at, signIn: { at, methods: ['otp'] } };
/** What every grant permits. */
export const read: EntityUid = { type: 'Action', id: 'read' };
/** Everybody who holds grants. */
export const people = ['ada', 'bob', 'Ünal "the" O\'Neil', 'eve'].map(
  (id): EntityUid => ({ type: 'User', id }),
);
/** What grants are of. */
export const groups = ['eng', 'ops', 'all'].map((id): EntityUid => ({ type: 'Group', id }));
/** What can be of the directory, or locked. */
export const uids = [...people, ...groups];
/** Whom no lock stops. */
const LOCKER: EntityUid = { type: 'User', id: 'guard' };

/** One thing that happens: what it writes, and the events that say so. */
type Happening = (trx: Trx, live: Map<string, LiveGrant>) => Promise<readonly LedgerEvent[]>;

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((long): Value => ({ kind: 'long', value: long })),
  fc.string({ unit: 'grapheme' }).map((text): Value => ({ kind: 'string', value: text })),
  fc.constantFrom(...uids).map((uid): Value => ({ kind: 'entity', uid })),
);

const entity: fc.Arbitrary<Entity> = fc.record({
  uid: fc.constantFrom(...uids),
  attributes: fc
    .dictionary(fc.constantFrom('level', 'manager', 'title'), value)
    .map((fields) => new Map(Object.entries(fields))),
  parents: fc.subarray(groups),
  tags: fc.constant(new Map()),
});

const applied = fc
  .uniqueArray(entity, { minLength: 1, maxLength: 4, selector: ({ uid }) => uidKey(uid) })
  .map(
    (entities): Happening =>
      async (trx) => {
        await writeEntities(trx, entities.map(say));
        const texts = entities.map((it) => JSON.stringify(entityToJson(it)));
        const digests = texts.map((text) => createHash('sha256').update(text).digest('hex'));
        const named = entities.map(({ uid }, i) => ({ uid, digest: digests[i] ?? '' }));
        return [{ kind: 'ENTITIES_APPLIED', at, actor, entities: named, text: `[${texts.join(',')}]` }];
      },
  );

const removed = fc.subarray(uids, { minLength: 1, maxLength: 2 }).map(
  (gone): Happening =>
    async (trx) => {
      await deleteEntities(trx, gone, at);
      return [{ kind: 'ENTITIES_DELETED', at, actor, uids: gone }];
    },
);

const started = fc
  .record({
    subject: fc.constantFrom(...people),
    resource: fc.constantFrom(...groups),
    expiresAt: fc.constantFrom(new Date('2020-01-01'), new Date('2100-01-01'), new Date('2101-01-01')),
    reason: fc.string({ unit: 'grapheme' }),
    state: fc.constantFrom('ACTIVE', 'ACTIVE', 'SCHEDULED', 'CLAIMABLE'),
    usesLeft: fc.constantFrom(undefined, undefined, 1, 2),
    breakGlass: fc.boolean(),
    asked: fc.constantFrom(undefined, { startsAt: at }, { actions: [read, read], durationMs: 4e12 }),
    casts: fc.constantFrom([], [cast], [{ ...cast, reviewer: read, filled: ['owner'], stoodIn: [] }]),
  })
  .map(
    ({ asked, ...chosen }): Happening =>
      async (trx, live) => {
        const grant = grantOf({ ...chosen, ...(asked === undefined ? {} : { asked }) });
        await insert('access_requests', request, { id: grant.requestId })(trx);
        await insert('request_items', item, { request_id: grant.requestId })(trx);
        await insertGrant(trx, grant, { maxMs: MOST_MS, createdAt: grant.startsAt });
        live.set(grant.id, grant);
        const { id: grantId, reason, ticket, extensions: _, lastUsedAt: __, usesLeft, ...facts } = grant;
        const text = JSON.stringify({ reason, ticket });
        const uses = usesLeft === undefined ? {} : { usesLeft };
        return [{ kind: 'GRANT_STARTED', at, actor, grantId, ...facts, ...uses, text }];
      },
  );

/** What happens to one of the live grants that it can happen to; nothing when there is none. */
function changing(
  isFit: (grant: LiveGrant) => boolean,
  change: (trx: Trx, grant: LiveGrant) => Promise<readonly [LiveGrant | undefined, ...LedgerEvent[]]>,
): fc.Arbitrary<Happening> {
  return fc.nat().map(
    (which): Happening =>
      async (trx, live) => {
        const fit = [...live.values()].filter(isFit);
        const grant = fit[which % Math.max(fit.length, 1)];
        if (grant === undefined) return [];
        const [changed, ...events] = await change(trx, grant);
        if (changed === undefined) live.delete(grant.id);
        else live.set(grant.id, changed);
        return events;
      },
  );
}

const about = ({ id: grantId, requestId }: LiveGrant) => ({ at, actor, requestId, grantId });

const opened = changing(
  ({ state }) => state === 'SCHEDULED',
  async (trx, grant) => {
    await openGrant(trx, grant.id);
    return [
      { ...grant, state: 'ACTIVE' },
      { kind: 'GRANT_OPENED', ...about(grant) },
    ];
  },
);

const claimed = changing(
  ({ state }) => state === 'CLAIMABLE',
  async (trx, grant) => {
    const window = claimedWindow(grant, grant.startsAt);
    await claimGrant(trx, grant.id, window);
    return [
      { ...grant, state: 'ACTIVE', ...window },
      { kind: 'GRANT_CLAIMED', ...about(grant), ...window },
    ];
  },
);

const extended = changing(
  ({ state, extensions, terms }) => state === 'ACTIVE' && extensions < terms.maxExtensions,
  async (trx, grant) => {
    const extension = grant.extensions + 1;
    const expiresAt = new Date(grant.expiresAt.getTime() + 1);
    await extendGrant(trx, grant.id, { expiresAt, extension });
    const event = { kind: 'GRANT_EXTENDED', ...about(grant), expiresAt, extension } as const;
    return [{ ...grant, expiresAt, extensions: extension }, event];
  },
);

const used = changing(
  ({ state, usesLeft }) => state === 'ACTIVE' && usesLeft !== undefined,
  async (trx, grant) => {
    const before = grant.usesLeft ?? 0;
    const useId = randomUUID();
    await countUse(trx, grant.id, { useId, usedAt: at, usesLeft: before });
    const usesLeft = before - 1;
    const event = { kind: 'GRANT_USED', ...about(grant), useId, usesLeft } as const;
    if (usesLeft > 0) return [{ ...grant, usesLeft }, event];
    const end = { endReason: 'EXHAUSTED', endedAt: grant.startsAt } as const;
    await endGrant(trx, grant.id, end);
    return [undefined, event, { kind: 'GRANT_ENDED', ...about(grant), ...end }];
  },
);

const ended = changing(
  () => true,
  async (trx, grant) => {
    const end = { endReason: 'REVOKED', endedAt: grant.startsAt } as const;
    await endGrant(trx, grant.id, end);
    return [undefined, { kind: 'GRANT_ENDED', ...about(grant), ...end }];
  },
);

const locked = fc
  .record({
    target: fc.oneof(
      fc.constantFrom(...uids).map((uid): LockTarget => ({ kind: 'entity', uid })),
      fc.constant<LockTarget>({ kind: 'everything' }),
    ),
    expiresAt: fc.constantFrom(undefined, new Date('2026-01-03'), new Date('2100-01-01')),
    reason: fc.string({ unit: 'grapheme', minLength: 1 }),
  })
  .map(
    ({ target, expiresAt, reason }): Happening =>
      async (trx) => {
        const lock = { id: randomUUID(), target, reason, createdBy: LOCKER, createdAt: at, expiresAt };
        await insertLock(trx, lock);
        const ends = expiresAt === undefined ? {} : { expiresAt };
        const about = { lockId: lock.id, target, createdBy: LOCKER, ...ends };
        return [{ kind: 'LOCK_CREATED', at, actor, ...about, text: reason }];
      },
  );

const unlocked = fc.nat().map(
  (which): Happening =>
    async (trx) => {
      const locks = await readLocks(trx);
      const lock = locks[which % Math.max(locks.length, 1)];
      if (lock === undefined) return [];
      await liftLock(trx, lock.id, { at, by: LOCKER, reason: 'over' });
      return [{ kind: 'LOCK_LIFTED', at, actor, lockId: lock.id, target: lock.target, text: 'over' }];
    },
);

const policies = fc.constantFrom('aa', 'bb', 'cc').map(
  (byte): Happening =>
    async (trx) => {
      const digest = byte.repeat(32);
      await writePolicySet(trx, digest, new Map());
      return [{ kind: 'POLICY_ACTIVATED', at, actor, digest }];
    },
);

const quiet = fc.uuid().map(
  (requestId): Happening =>
    () =>
      Promise.resolve([{ kind: 'REQUEST_WITHDRAWN', at, actor, requestId, items: [0], because: '' }]),
);

/** Transitions of one to three happenings each. */
export const anyHistory: fc.Arbitrary<readonly (readonly Happening[])[]> = fc.array(
  fc.array(
    fc.oneof(
      applied,
      removed,
      started,
      started,
      opened,
      claimed,
      extended,
      used,
      ended,
      locked,
      unlocked,
      policies,
      quiet,
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  { minLength: 3, maxLength: 25 },
);

/** Lets one transition of a history happen, its events in the ledger as its rows are in the tables. */
export async function happen(
  grant: Database,
  happenings: readonly Happening[],
  live: Map<string, LiveGrant>,
): Promise<void> {
  const { basis_revision: basis } = await grant
    .selectFrom('ledger_head')
    .select('basis_revision')
    .executeTakeFirstOrThrow();
  await transition(grant, basis, async (trx) => {
    const events: LedgerEvent[] = [];
    for (const happening of happenings) events.push(...(await happening(trx, live)));
    return { events, result: undefined };
  });
}

/** A hundred years, so that no grant here is too long. */
const MOST_MS = 100 * 366 * 86_400_000;

type OfGrant = 'subject' | 'resource' | 'expiresAt' | 'reason' | 'state' | 'usesLeft' | 'casts' | 'asked';
type Chosen = Pick<LiveGrant, OfGrant> & { readonly breakGlass: boolean };

function grantOf({ breakGlass, ...chosen }: Chosen): LiveGrant {
  const startsAt = new Date('2019-01-01');
  return {
    ...plainGrant,
    id: randomUUID(),
    requestId: randomUUID(),
    item: 0,
    actions: [read],
    workflow: 'w',
    steps: ['owner'],
    seats: [1],
    approvers: people.slice(0, 1),
    ticket: 'T-1',
    requester: chosen.subject,
    startsAt,
    durationMs: chosen.expiresAt.getTime() - startsAt.getTime(),
    terms: { breakGlass, onChange: 'end', maxExtensions: 2 },
    ...chosen,
  };
}
