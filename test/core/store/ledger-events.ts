import fc from 'fast-check';
import { type EntityUid, uidKey } from '../../../core/access/entity.ts';
import type { EventOfKind, LedgerEvent } from '../../../core/access/event.ts';

/** Whatever people write, but NUL, which Postgres cannot keep and every edge refuses, and lone surrogates, likewise. */
const words = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));

/** What `timestamptz(3)` holds and the driver writes with four digits of a year. */
const instant = fc.date({
  min: new Date('1970-01-01T00:00:00.000Z'),
  max: new Date('9999-12-30T00:00:00.000Z'),
  noInvalidDate: true,
});

const uid: fc.Arbitrary<EntityUid> = fc.record({
  type: fc.constantFrom('User', 'Team::Group', 'Curfew::System'),
  id: words,
});
const uuid = fc.uuid();
const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const item = fc.integer({ min: 0, max: 19 });
const items = fc.uniqueArray(item, { maxLength: 4 });
const of = { at: instant, actor: uid.map(uidKey) };
const optionalText = { requiredKeys: ['kind', 'at', 'actor', 'requestId'] as const };

const requestSubmitted = fc.record({
  kind: fc.constant('REQUEST_SUBMITTED' as const),
  ...of,
  requestId: uuid,
  requester: uid,
  subject: uid,
  items: fc.array(
    fc.record({
      resource: uid,
      actions: fc.array(uid, { minLength: 1, maxLength: 3 }),
      workflow: words,
      expiresAt: instant,
    }),
    { maxLength: 3 },
  ),
  durationMs: fc.maxSafeNat(),
  breakGlass: fc.boolean(),
  requestHash: hex,
  policyDigest: hex,
  text: words,
});

const requestReviewed = fc.record(
  {
    kind: fc.constant('REQUEST_REVIEWED' as const),
    ...of,
    requestId: uuid,
    verdict: fc.constantFrom('APPROVE' as const, 'DENY' as const),
    items,
    requestHash: hex,
    policyDigest: hex,
    text: words,
  },
  { requiredKeys: [...optionalText.requiredKeys, 'verdict', 'items', 'requestHash', 'policyDigest'] },
);

const grantEnded = fc.record(
  {
    kind: fc.constant('GRANT_ENDED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    endReason: fc.constantFrom(
      'EXPIRED',
      'RELEASED',
      'REVOKED',
      'UNCLAIMED',
      'EXHAUSTED',
      'IDLE',
      'INELIGIBLE',
    ),
    endedAt: instant,
    text: words,
  },
  { requiredKeys: [...optionalText.requiredKeys, 'grantId', 'endReason', 'endedAt'] },
);

/** Any event of any kind. */
export const anyEvent: fc.Arbitrary<LedgerEvent> = fc.oneof(
  requestSubmitted,
  requestReviewed,
  grantEnded,
  fc.record({
    kind: fc.constant('ITEM_DENIED' as const),
    ...of,
    requestId: uuid,
    item,
    because: words,
  }),
  fc.record({
    kind: fc.constant('ITEM_EXPIRED' as const),
    ...of,
    requestId: uuid,
    item,
    lapsedAt: instant,
  }),
  fc.record({
    kind: fc.constant('REQUEST_WITHDRAWN' as const),
    ...of,
    requestId: uuid,
    items,
    because: words,
  }),
  fc.record({
    kind: fc.constant('GRANT_STARTED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    item,
    requester: uid,
    subject: uid,
    actions: fc.array(uid, { minLength: 1, maxLength: 3 }),
    resource: uid,
    workflow: words,
    steps: fc.array(words, { maxLength: 3 }),
    seats: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
    approvers: fc.array(uid, { maxLength: 3 }),
    state: fc.constantFrom('SCHEDULED', 'CLAIMABLE', 'ACTIVE'),
    durationMs: fc.nat(),
    terms: fc.record({
      breakGlass: fc.boolean(),
      onChange: fc.constantFrom('end', 'keep'),
      maxExtensions: fc.nat(9),
    }),
    startsAt: instant,
    expiresAt: instant,
    text: words,
  }),
  fc.record({
    kind: fc.constant('ENTITIES_APPLIED' as const),
    ...of,
    entities: fc.array(fc.record({ uid, digest: hex }), { maxLength: 3 }),
    text: words,
  }),
  fc.record({ kind: fc.constant('GRANT_OPENED' as const), ...of, requestId: uuid, grantId: uuid }),
  fc.record({
    kind: fc.constant('GRANT_CLAIMED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    startsAt: instant,
    expiresAt: instant,
  }),
  fc.record({
    kind: fc.constant('GRANT_USED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    useId: words,
    usesLeft: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('GRANT_EXTENDED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    expiresAt: instant,
    extension: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('BREAK_GLASS_REVIEWED' as const),
    ...of,
    requestId: uuid,
    grantId: uuid,
    verdict: fc.constantFrom('APPROVE' as const, 'DENY' as const),
    requestHash: hex,
    policyDigest: hex,
    text: words,
  }),
  fc.record({
    kind: fc.constant('REVIEW_WITHDRAWN' as const),
    ...of,
    requestId: uuid,
    reviewer: uid,
    items,
  }),
  fc.record({ kind: fc.constant('REVIEWERS_REMINDED' as const), ...of, requestId: uuid }),
  fc.record({ kind: fc.constant('ENTITIES_DELETED' as const), ...of, uids: fc.array(uid, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('POLICY_ACTIVATED' as const), ...of, digest: hex }),
);

const at = new Date('2026-01-02T03:04:05.678Z');
const actor = 'User::"ada"';

/** An event that carries a text and changes no basis. */
export function reviewed(requestId: string, text = 'looks right'): EventOfKind<'REQUEST_REVIEWED'> {
  return {
    kind: 'REQUEST_REVIEWED',
    at,
    actor,
    requestId,
    verdict: 'APPROVE',
    items: [0],
    requestHash: 'ab'.repeat(32),
    policyDigest: 'cd'.repeat(32),
    text,
  };
}

/** An event without a text that changes no basis. */
export function withdrawn(requestId: string): EventOfKind<'REQUEST_WITHDRAWN'> {
  return { kind: 'REQUEST_WITHDRAWN', at, actor, requestId, items: [0], because: 'not needed' };
}

/** Changes the basis. */
export function activated(digest = 'ef'.repeat(32)): EventOfKind<'POLICY_ACTIVATED'> {
  return { kind: 'POLICY_ACTIVATED', at, actor, digest };
}

/** Changes the basis. */
export function deleted(...uids: readonly EntityUid[]): EventOfKind<'ENTITIES_DELETED'> {
  return { kind: 'ENTITIES_DELETED', at, actor, uids };
}
