import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrantCompactor } from '../../../core/access/compact-grant.ts';
import { ExpiryHeap } from '../../../core/access/expiry-heap.ts';
import { plainGrant } from '../../support/plain-grant.ts';

const compactor = new GrantCompactor();
const ada = { type: 'User', id: 'ada' };
const expiringAt = (ms: number) =>
  compactor.compact({
    ...plainGrant,
    id: String(ms),
    requestId: 'r',
    item: 0,
    requester: ada,
    subject: ada,
    actions: [],
    resource: ada,
    workflow: 'w',
    steps: [],
    reason: '',
    ticket: '',
    startsAt: new Date(0),
    expiresAt: new Date(ms),
  });

const times = fc.array(fc.nat(50), { maxLength: 40 });

test('takes out what had expired by then, in order, and leaves the rest', () => {
  fc.assert(
    fc.property(times, times, fc.nat(50), (first, later, by) => {
      const heap = new ExpiryHeap();
      heap.reset(first.map(expiringAt));
      for (const ms of later) heap.add(expiringAt(ms));
      const all = [...first, ...later].toSorted((a, b) => a - b);
      const taken = (byMs: number) => [...heap.take(byMs)].map(({ expiresMs }) => expiresMs);
      expect(taken(by)).toEqual(all.filter((ms) => ms <= by));
      expect(taken(50)).toEqual(all.filter((ms) => ms > by));
      expect(heap.size).toBe(0);
    }),
  );
});
