import { expect, test } from 'vitest';
import { GrantCompactor, liveOf } from '../../../core/access/compact-grant.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import { plainGrant } from '../../support/plain-grant.ts';

const at = new Date('2026-01-02T03:04:05.678Z');
const whole: LiveGrant = {
  ...plainGrant,
  id: 'g1',
  requestId: 'r1',
  item: 3,
  requester: { type: 'User', id: 'bob' },
  subject: { type: 'User', id: 'ada' },
  approvers: [{ type: 'User', id: 'cy' }],
  casts: [{ at, signIn: { at, methods: ['pwd'] } }],
  actions: [{ type: 'Action', id: 'read' }],
  asked: { durationMs: 5, startsAt: at },
  resource: { type: 'Database', id: 'orders' },
  workflow: 'w',
  steps: ['owner'],
  seats: [2],
  reason: 'because',
  ticket: 'OPS-1',
  startsAt: at,
  expiresAt: new Date(at.getTime() + 1_000),
  extensions: 1,
  usesLeft: 4,
  lastUsedAt: at,
  state: 'SCHEDULED',
};
const { casts: _casts, asked: _asked, ...without } = whole;
const plain: LiveGrant = { ...without, usesLeft: undefined, lastUsedAt: undefined, state: 'ACTIVE' };

test.for([
  ['with everything', whole],
  ['without what may be missing', plain],
] as const)('a compact grant %s comes back as it was', ([, grant]) => {
  expect(liveOf(new GrantCompactor().compact(grant))).toStrictEqual(grant);
});

test('what grants have alike is one object, and what differs is not', () => {
  const compactor = new GrantCompactor();
  const one = compactor.compact(structuredClone(whole));
  const other = compactor.compact(
    structuredClone({ ...whole, id: 'g2', resource: { type: 'Database', id: 'x' } }),
  );
  expect(other.common).toBe(one.common);
  expect(other.subject).toBe(one.subject);
  expect(other.resource).not.toEqual(one.resource);
  expect(compactor.compact({ ...whole, extensions: 2 }).common).not.toBe(one.common);
});
