import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { entityToJson } from '../../../core/access/entity-json.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { Grant } from '../../../core/access/grant.ts';
import type { Database } from '../../../core/store/connect.ts';
import { deleteEntities, writeEntities } from '../../../core/store/entities.ts';
import { say } from '../../../services/grant/said-entity.ts';
import { endGrant, insertGrant } from '../../../core/store/grants.ts';
import { writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition, type Trx } from '../../../core/store/transition.ts';
import { insert, item, request } from '../store/valid-rows.ts';

const actor = 'User::"ada"';
const at = new Date('2026-01-02T03:04:05.678Z');
/** What every grant permits. */
export const read: EntityUid = { type: 'Action', id: 'read' };
/** Everybody who holds grants. */
export const people = ['ada', 'bob', 'Ünal "the" O\'Neil', 'eve'].map(
  (id): EntityUid => ({ type: 'User', id }),
);
/** What grants are of. */
export const groups = ['eng', 'ops', 'all'].map((id): EntityUid => ({ type: 'Group', id }));
const uids = [...people, ...groups];

/** One thing that happens: what it writes, and the events that say so. */
type Happening = (trx: Trx, live: Map<string, Grant>) => Promise<readonly LedgerEvent[]>;

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
  })
  .map(
    (chosen): Happening =>
      async (trx, live) => {
        const grant = grantOf(chosen);
        await insert('access_requests', request, { id: grant.requestId })(trx);
        await insert('request_items', item, { request_id: grant.requestId })(trx);
        await insertGrant(trx, grant, Number.MAX_SAFE_INTEGER);
        live.set(grant.id, grant);
        const { id: grantId, reason, ticket, ...facts } = grant;
        const text = JSON.stringify({ reason, ticket });
        return [{ kind: 'GRANT_STARTED', at, actor, grantId, ...facts, text }];
      },
  );

const ended = fc.nat().map(
  (which): Happening =>
    async (trx, live) => {
      const grant = [...live.values()][which % Math.max(live.size, 1)];
      if (grant === undefined) return [];
      const end = { endReason: 'REVOKED', endedAt: grant.startsAt } as const;
      await endGrant(trx, grant.id, end);
      live.delete(grant.id);
      const { id: grantId, requestId } = grant;
      return [{ kind: 'GRANT_ENDED', at, actor, requestId, grantId, ...end }];
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
  fc.array(fc.oneof(applied, removed, started, started, ended, policies, quiet), {
    minLength: 1,
    maxLength: 3,
  }),
  { minLength: 3, maxLength: 25 },
);

/** Lets one transition of a history happen, its events in the ledger as its rows are in the tables. */
export async function happen(
  grant: Database,
  happenings: readonly Happening[],
  live: Map<string, Grant>,
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

function grantOf(chosen: Pick<Grant, 'subject' | 'resource' | 'expiresAt' | 'reason'>): Grant {
  return {
    id: randomUUID(),
    requestId: randomUUID(),
    item: 0,
    actions: [read],
    workflow: 'w',
    steps: ['owner'],
    ticket: 'T-1',
    startsAt: new Date('2019-01-01'),
    requester: chosen.subject,
    ...chosen,
  };
}
