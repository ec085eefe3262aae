import { randomUUID } from 'node:crypto';
import type { Database } from '../../../core/store/connect.ts';
import { lifeConstraintCases } from './life-constraint-cases.ts';
import { lockConstraintCases } from './lock-constraint-cases.ts';
import { at, after, grant, hash, insert, item, later, request, review } from './valid-rows.ts';

/** A change that the database must refuse by the constraint it names. */
export interface ConstraintCase {
  readonly title: string;
  readonly constraint: string;
  readonly breaks: (database: Database) => Promise<unknown>;
}

const again = { id: randomUUID() };

export const constraintCases: readonly ConstraintCase[] = [
  ...lifeConstraintCases,
  ...lockConstraintCases,
  {
    title: 'W1 a vote of the requester',
    constraint: 'reviews_not_requester',
    breaks: insert('reviews', review, { reviewer: request.requester }),
  },
  {
    title: 'W1 a vote of the subject',
    constraint: 'reviews_not_subject',
    breaks: insert('reviews', review, { reviewer: request.subject }),
  },
  {
    title: 'W1 a vote that names another requester, to hide that it is their own',
    constraint: 'reviews_as_shown',
    breaks: insert('reviews', review, { requester: 'User::"eve"', reviewer: request.requester }),
  },
  {
    title: 'W1 a vote that names another subject, to hide that it is their own',
    constraint: 'reviews_as_shown',
    breaks: insert('reviews', review, { subject: 'User::"eve"', reviewer: request.subject }),
  },
  {
    title: 'W6 a vote on something other than what was shown',
    constraint: 'reviews_as_shown',
    breaks: insert('reviews', review, { request_hash: Buffer.alloc(32, 8) }),
  },
  {
    title: 'W7 a second vote of one person on one item',
    constraint: 'reviews_once',
    breaks: async (database) => {
      await insert('reviews', review, {})(database);
      await insert('reviews', review, { verdict: 'DENY' })(database);
    },
  },
  {
    title: 'a vote on an item that is not there',
    constraint: 'reviews_item',
    breaks: insert('reviews', review, { item: 1 }),
  },
  {
    title: 'a grant whose window is empty',
    constraint: 'grants_window',
    breaks: insert('grants', grant, { expires_at: at }),
  },
  {
    title: 'I8 a grant that is longer than its workflow allows',
    constraint: 'grants_max',
    breaks: insert('grants', grant, { expires_at: after }),
  },
  {
    title: 'a grant that is active and has ended',
    constraint: 'grants_ended',
    breaks: insert('grants', grant, { ended_at: later, end_reason: 'REVOKED' }),
  },
  {
    title: 'a grant that ended without a reason',
    constraint: 'grants_ended',
    breaks: insert('grants', grant, { state: 'ENDED', ended_at: later }),
  },
  {
    title: 'a grant that ended at no time',
    constraint: 'grants_ended',
    breaks: insert('grants', grant, { state: 'ENDED', end_reason: 'REVOKED' }),
  },
  {
    title: 'a grant that ended after its time was up',
    constraint: 'grants_end',
    breaks: insert('grants', grant, { state: 'ENDED', ended_at: after, end_reason: 'REVOKED' }),
  },
  {
    title: 'a grant of no action',
    constraint: 'grants_actions',
    breaks: insert('grants', grant, { actions: [] }),
  },
  {
    title: 'W7 a second grant of one item',
    constraint: 'grants_item',
    breaks: async (database) => {
      await insert('grants', grant, {})(database);
      await insert('grants', grant, again)(database);
    },
  },
  {
    title: 'a grant of an item that is not there',
    constraint: 'grants_request_item',
    breaks: insert('grants', grant, { item: 1 }),
  },
  {
    title: 'a pending request that was resolved',
    constraint: 'access_requests_resolved',
    breaks: insert('access_requests', request, { ...again, resolved_at: at }),
  },
  {
    title: 'a resolved request without the time of it',
    constraint: 'access_requests_resolved',
    breaks: insert('access_requests', request, { ...again, state: 'DENIED' }),
  },
  {
    title: 'a request for no time',
    constraint: 'access_requests_duration',
    breaks: insert('access_requests', request, { ...again, duration_ms: 0 }),
  },
  {
    title: 'a request with half a hash',
    constraint: 'access_requests_hash',
    breaks: insert('access_requests', request, { ...again, request_hash: Buffer.alloc(16) }),
  },
  {
    title: 'W6 a change of the hash of a request that has votes',
    constraint: 'reviews_as_shown',
    breaks: async (database) => {
      await insert('reviews', review, {})(database);
      await database
        .updateTable('access_requests')
        .set({ request_hash: Buffer.alloc(32, 8) })
        .execute();
    },
  },
  {
    title: 'a pending item that was resolved',
    constraint: 'request_items_resolved',
    breaks: insert('request_items', item, { item: 1, resource: 'Database::"a"', resolved_at: at }),
  },
  {
    title: 'a resolved item without the time of it',
    constraint: 'request_items_resolved',
    breaks: insert('request_items', item, { item: 1, resource: 'Database::"a"', state: 'APPROVED' }),
  },
  {
    title: 'a twenty-first item',
    constraint: 'request_items_item',
    breaks: insert('request_items', item, { item: 20, resource: 'Database::"a"' }),
  },
  {
    title: 'an item before the first',
    constraint: 'request_items_item',
    breaks: insert('request_items', item, { item: -1, resource: 'Database::"a"' }),
  },
  {
    title: 'an item for no action',
    constraint: 'request_items_actions',
    breaks: insert('request_items', item, { item: 1, resource: 'Database::"a"', actions: [] }),
  },
  {
    title: 'one resource in two items of a request',
    constraint: 'request_items_once',
    breaks: insert('request_items', item, { item: 1 }),
  },
  {
    title: 'an item of no request',
    constraint: 'request_items_request',
    breaks: insert('request_items', item, { request_id: again.id }),
  },
  {
    title: 'one entity under two names',
    constraint: 'entities_type_id',
    breaks: async (database) => {
      const entity = { uid: 'User::"ada"', type: 'User', id: 'ada', body: '{}' };
      await insert('entities', entity, {})(database);
      await insert('entities', entity, { uid: 'User::"Ada"' })(database);
    },
  },
  {
    title: 'a policy set that is not named by its digest',
    constraint: 'policy_sets_digest',
    breaks: insert('policy_sets', { digest: 'latest', files: '{}' }, {}),
  },
  {
    title: 'an idempotency key with a space in it',
    constraint: 'idempotency_keys_key',
    breaks: insert('idempotency_keys', keyOf('a b'), {}),
  },
  {
    title: 'an idempotency key of 65 characters',
    constraint: 'idempotency_keys_key',
    breaks: insert('idempotency_keys', keyOf('k'.repeat(65)), {}),
  },
  {
    title: 'I9 one idempotency key of one caller for two requests',
    constraint: 'idempotency_keys_pkey',
    breaks: async (database) => {
      await insert('idempotency_keys', keyOf('k'), {})(database);
      await insert('idempotency_keys', keyOf('k'), {})(database);
    },
  },
  {
    title: 'an idempotency key of no request',
    constraint: 'idempotency_keys_request',
    breaks: insert('idempotency_keys', keyOf('k'), { request_id: again.id }),
  },
  {
    title: 'an idempotency key for half a hash',
    constraint: 'idempotency_keys_body_hash',
    breaks: insert('idempotency_keys', keyOf('k'), { body_hash: Buffer.alloc(1) }),
  },
  {
    title: 'L7 a second row of one revision',
    constraint: 'ledger_pkey',
    breaks: async (database) => {
      await insert('ledger', ledgerRow(), {})(database);
      await insert('ledger', ledgerRow(), {})(database);
    },
  },
  {
    title: 'L7 revision zero',
    constraint: 'ledger_revision_positive',
    breaks: insert('ledger', ledgerRow(), { revision: 0 }),
  },
  {
    title: 'a ledger row with half a hash',
    constraint: 'ledger_hash',
    breaks: insert('ledger', ledgerRow(), { hash: Buffer.alloc(16) }),
  },
  {
    title: 'a ledger row with half a previous hash',
    constraint: 'ledger_previous_hash',
    breaks: insert('ledger', ledgerRow(), { previous_hash: Buffer.alloc(16) }),
  },
  {
    title: 'a text of no ledger row',
    constraint: 'ledger_text_revision',
    breaks: insert('ledger_text', { revision: 9, salt: Buffer.alloc(16), text: 'x' }, {}),
  },
  {
    title: 'a head with half a hash',
    constraint: 'ledger_head_hash',
    breaks: (database) =>
      database
        .updateTable('ledger_head')
        .set({ hash: Buffer.alloc(16) })
        .execute(),
  },
  {
    title: 'a basis beyond the head',
    constraint: 'ledger_head_basis',
    breaks: (database) => database.updateTable('ledger_head').set({ basis_revision: 1 }).execute(),
  },
];

function keyOf(key: string) {
  return { caller: 'User::"ada"', key, body_hash: hash, request_id: request.id };
}

function ledgerRow() {
  return { revision: 1, at, kind: 'X', actor: 'x', body: '{}', previous_hash: hash, hash };
}
