import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { IdempotencyKeys, Locks } from '../../../core/store/schema.ts';
import type { ConstraintCase } from './constraint-cases.ts';
import { at, hash, insert, later } from './valid-rows.ts';

const ada = 'User::"ada"';
const lock: Insertable<Locks> = {
  id: randomUUID(),
  entity: ada,
  reason: 'an incident',
  created_by: 'User::"bob"',
  created_at: at,
  expires_at: later,
};
const lifted = { lifted_at: at, lifted_by: 'User::"bob"', lift_reason: 'it is over' } as const;
const key: Insertable<IdempotencyKeys> = { caller: ada, key: 'k', body_hash: hash };

/** Of emergency stops. */
export const lockConstraintCases: readonly ConstraintCase[] = [
  {
    title: 'a lock on an entity and a grant at once',
    constraint: 'locks_target',
    breaks: insert('locks', lock, { grant_id: randomUUID() }),
  },
  {
    title: 'a lock on a grant that there is not',
    constraint: 'locks_grant',
    breaks: insert('locks', lock, { entity: null, grant_id: randomUUID() }),
  },
  {
    title: 'a lock without a reason',
    constraint: 'locks_reason',
    breaks: insert('locks', lock, { reason: '' }),
  },
  {
    title: 'a lock that ends as it begins',
    constraint: 'locks_window',
    breaks: insert('locks', lock, { expires_at: at }),
  },
  {
    title: 'a lock that was lifted by nobody',
    constraint: 'locks_lifted',
    breaks: insert('locks', lock, { ...lifted, lifted_by: null }),
  },
  {
    title: 'a lock that was lifted without a reason',
    constraint: 'locks_lift_reason',
    breaks: insert('locks', lock, { ...lifted, lift_reason: '' }),
  },
  {
    title: 'a lock that was lifted when its time was up',
    constraint: 'locks_lift',
    breaks: insert('locks', lock, { ...lifted, lifted_at: later }),
  },
  {
    title: 'a lock that whom it stops lifts',
    constraint: 'locks_not_own',
    breaks: insert('locks', lock, { ...lifted, lifted_by: ada }),
  },
  {
    title: 'an idempotency key that stands for nothing',
    constraint: 'idempotency_keys_one',
    breaks: insert('idempotency_keys', key, {}),
  },
  {
    title: 'an idempotency key of a lock that there is not',
    constraint: 'idempotency_keys_lock',
    breaks: insert('idempotency_keys', key, { lock_id: randomUUID() }),
  },
];
