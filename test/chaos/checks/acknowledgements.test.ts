import { expect, it } from 'vitest';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { Change } from '../history.ts';
import { checkAcknowledgements } from './acknowledgements.ts';

function change(given: Partial<Change> & { readonly revision: bigint }): Change {
  const { revision, ...rest } = given;
  return {
    what: 'withdraw',
    by: 'ada0',
    id: 'r',
    invokedMs: 0,
    completedMs: 1,
    outcome: { kind: 'ok', revision },
    ...rest,
  };
}

const at = new Date(0);
const actor = 'User::"ada0"';
const withdrawn = (requestId: string): LedgerEvent => ({
  kind: 'REQUEST_WITHDRAWN',
  at,
  actor,
  requestId,
  items: [0],
  because: '',
});
const submitted = (requestId: string, key: string): LedgerEvent => ({
  kind: 'REQUEST_SUBMITTED',
  at,
  actor,
  requestId,
  requester: { type: 'User', id: 'ada0' },
  subject: { type: 'User', id: 'ada0' },
  items: [],
  durationMs: 1,
  breakGlass: false,
  requestHash: '',
  policyDigest: '',
  text: JSON.stringify({ reason: key }),
});

function found(changes: readonly Change[], events: readonly LedgerEvent[]): string[] {
  const hash = Buffer.alloc(32);
  const placed = events.map((event, index) => ({
    revision: BigInt(index + 1),
    hash,
    previousHash: hash,
    event,
  }));
  const history = { changes: [...changes], asked: [], faults: [] };
  return checkAcknowledgements(history, { events: placed, grants: new Map() }).map((it) => it.invariant);
}

it('what was acknowledged in the order of the ledger is well', () => {
  const changes = [change({ revision: 1n }), change({ id: 's', revision: 2n, invokedMs: 2, completedMs: 3 })];
  expect(found(changes, [withdrawn('r'), withdrawn('s')])).toEqual([]);
});

it('finds I13: a change that was acknowledged and is not in the ledger is found', () => {
  expect(found([change({ revision: 1n })], [])).toEqual(['I13']);
  expect(found([change({ revision: 1n })], [withdrawn('another')])).toEqual(['I13']);
});

it('finds I21: a change that was asked for after another was acknowledged, and stands before it, is found', () => {
  const later = change({ revision: 1n, invokedMs: 10, completedMs: 11 });
  const earlier = change({ id: 's', revision: 2n, invokedMs: 0, completedMs: 5 });
  expect(found([earlier, later], [withdrawn('r'), withdrawn('s')])).toEqual(['I21']);
});

it('finds I9: one key that made two requests is found, answered or not', () => {
  const events = [submitted('r', 'k'), submitted('s', 'k')];
  const first = change({ what: 'submit', key: 'k', revision: 1n });
  expect(found([first], events)).toEqual(['I9']);
  expect(found([first, change({ what: 'submit', key: 'k', id: 's', revision: 2n })], events)).toEqual(['I9']);
  expect(found([first, first], events.slice(0, 1))).toEqual([]);
});
