import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrantCompactor } from '../../../core/access/compact-grant.ts';
import { ExpiryHeap } from '../../../core/access/expiry-heap.ts';
import { GrantTable } from '../../../core/access/grant-table.ts';
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

test('has what expires first on top, whatever was there, came later or was taken out', () => {
  fc.assert(
    fc.property(times, times, fc.infiniteStream(fc.nat()), (there, later, choices) => {
      const table = new GrantTable();
      for (const ms of there) table.add(expiringAt(ms));
      const heap = new ExpiryHeap(table);
      for (const ms of later) heap.add(table.add(expiringAt(ms)));
      const rows = [...table.rows()];
      while (rows.length > 0) {
        const first = Math.min(...rows.map((row) => table.expiresMs(row)));
        expect(table.expiresMs(heap.first ?? expect.unreachable())).toBe(first);
        const { value } = choices.next();
        const [taken = expect.unreachable()] = rows.splice(value % rows.length, 1);
        heap.remove(taken);
      }
      expect(heap.first).toBeUndefined();
    }),
  );
});
