import { expect, test } from 'vitest';
import { GrantCompactor } from '../../../core/access/compact-grant.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import { GrantTable } from '../../../core/access/grant-table.ts';
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
  const table = new GrantTable();
  const row = table.add(new GrantCompactor().compact(grant));
  expect(table.grant(row)).toStrictEqual(grant);
});

test('what grants have alike is one object, and what differs is not', () => {
  const compactor = new GrantCompactor();
  const one = compactor.compact(structuredClone(whole));
  const other = compactor.compact(
    structuredClone({ ...whole, id: 'g2', resource: { type: 'Database', id: 'x' } }),
  );
  expect(other.common).toBe(one.common);
  expect(compactor.compact({ ...whole, extensions: 2 }).common).not.toBe(one.common);
  const table = new GrantTable();
  const [first, second] = [one, other].map((grant) => table.grant(table.add(grant)));
  expect(second?.subject).toBe(first?.subject);
  expect(second?.resource).toEqual({ type: 'Database', id: 'x' });
});

test('a row that is used again holds nothing of the grant before, and tells of no other', () => {
  const table = new GrantTable();
  const compactor = new GrantCompactor();
  const kept = table.add(compactor.compact({ ...plain, id: 'kept' }));
  const row = table.add(compactor.compact({ ...whole, id: 'a-longer-id' }));
  table.remove(row);
  expect([...table.all()]).toStrictEqual([{ ...plain, id: 'kept' }]);
  expect(table.add(compactor.compact({ ...plain, id: 'short' }))).toBe(row);
  expect([...table.all()]).toStrictEqual([
    { ...plain, id: 'kept' },
    { ...plain, id: 'short' },
  ]);
  table.remove(kept);
  expect(table.size).toBe(1);
});

test('an entity is forgotten with the last grant that names it', () => {
  const table = new GrantTable();
  const compactor = new GrantCompactor();
  const rows = ['g1', 'g2'].map((id) => table.add(compactor.compact({ ...whole, id })));
  for (const row of rows) {
    expect(table.entity('User::"ada"')?.uid).toEqual(whole.subject);
    table.remove(row);
  }
  for (const key of ['User::"ada"', 'User::"bob"', 'Database::"orders"'])
    expect(table.entity(key)).toBeUndefined();
});

test('an id longer than a UUID is refused', () => {
  const grant = new GrantCompactor().compact({ ...plain, id: 'x'.repeat(37) });
  expect(() => new GrantTable().add(grant)).toThrow(RangeError);
});
