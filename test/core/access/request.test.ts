import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AccessRequest,
  aggregate,
  hashRequest,
  type ItemState,
  itemResolvedAt,
  itemStateAt,
  type RequestItem,
} from '../../../core/access/request.ts';
import { plainWorkflow } from '../../support/plain-grant.ts';

const ITEM: RequestItem = {
  item: 0,
  resource: { type: 'Database', id: 'orders' },
  actions: [{ type: 'Action', id: 'read' }],
  workflow: {
    ...plainWorkflow,
    id: 'one',
    title: 'one',
    steps: [{ name: 'owner', seats: 1 }],
    maxMs: 1_000,
    defaultMs: 1_000,
    pendingMs: 5_000,
    rank: 0,
    resourceTypes: [],
  },
  state: 'PENDING',
  expiresAt: new Date(5_000),
  resolvedAt: undefined,
  deniedBecause: '',
  grantId: undefined,
  isOwed: false,
};
const REQUEST: AccessRequest = {
  id: '0f0e8f2e-6f0a-4c58-a8f8-0d2a2f6a4d11',
  requester: { type: 'User', id: 'ada' },
  subject: { type: 'User', id: 'ada' },
  reason: 'x',
  ticket: '',
  durationMs: 1_000,
  startsAt: undefined,
  breakGlass: false,
  extends: undefined,
  requestHash: new Uint8Array(32),
  createdAt: new Date(0),
  items: [ITEM],
  reviews: [],
};
const STATES: readonly ItemState[] = ['PENDING', 'APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED'];

describe('an item', () => {
  it('is expired from the very millisecond of its end, and was decided then', () => {
    expect(itemStateAt(ITEM, new Date(4_999))).toBe('PENDING');
    expect(itemStateAt(ITEM, new Date(5_000))).toBe('EXPIRED');
    expect(itemResolvedAt(ITEM, new Date(4_999))).toBeUndefined();
    expect(itemResolvedAt(ITEM, new Date(9_000))).toEqual(new Date(5_000));
  });

  it('I6 never leaves a terminal state, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATES.slice(1)), fc.integer({ min: -1e12, max: 1e12 }), (state, ms) => {
        expect(itemStateAt({ ...ITEM, state }, new Date(ms))).toBe(state);
      }),
    );
  });
});

describe('a request', () => {
  it('is pending while any item is, approved only when all are', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...STATES), { minLength: 1, maxLength: 20 }), (states) => {
        const state = aggregate(states);
        expect(state === 'PENDING').toBe(states.includes('PENDING'));
        expect(state === 'APPROVED').toBe(states.every((it) => it === 'APPROVED'));
        expect(state === 'PARTIALLY_APPROVED').toBe(
          !states.includes('PENDING') &&
            states.includes('APPROVED') &&
            states.some((it) => it !== 'APPROVED'),
        );
        expect(state === 'EXPIRED').toBe(states.every((it) => it === 'EXPIRED'));
      }),
    );
  });

  const changes: readonly (readonly [string, Partial<AccessRequest>])[] = [
    ['id', { id: 'other' }],
    ['requester', { requester: { type: 'User', id: 'bob' } }],
    ['subject', { subject: { type: 'Service', id: 'ada' } }],
    ['reason', { reason: 'y' }],
    ['ticket', { ticket: 'T-1' }],
    ['duration', { durationMs: 1_001 }],
    ['time', { createdAt: new Date(1) }],
    ['resource', { items: [{ ...ITEM, resource: { type: 'Database', id: 'ledger' } }] }],
    ['actions', { items: [{ ...ITEM, actions: [{ type: 'Action', id: 'write' }] }] }],
    ['workflow', { items: [{ ...ITEM, workflow: { ...ITEM.workflow, maxMs: 2_000 } }] }],
    ['steps', { items: [{ ...ITEM, workflow: { ...ITEM.workflow, steps: [] } }] }],
    ['items', { items: [ITEM, ITEM] }],
  ];
  it.each(changes)('I7 has another hash when its %s is another', (_, change) => {
    expect(hashRequest({ ...REQUEST, ...change })).not.toEqual(hashRequest(REQUEST));
  });

  it('I7 has the same hash whatever has become of it since', () => {
    const decided = { ...ITEM, state: 'APPROVED', resolvedAt: new Date(3), grantId: 'g' } as const;
    expect(hashRequest({ ...REQUEST, items: [decided] })).toEqual(hashRequest(REQUEST));
    expect(hashRequest(REQUEST)).toHaveLength(32);
  });
});
