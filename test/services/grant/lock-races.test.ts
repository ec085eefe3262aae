import { afterAll, beforeAll, expect, it } from 'vitest';
import { GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, errorOf, submit, submitted, vote } from './ask.ts';
import { lifted, locked, user } from './lock-calls.ts';

const ROUNDS = 25;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Where something stands in the ledger. */
async function revisionOf(kind: string, column: string, id: string): Promise<bigint | undefined> {
  const sql = `SELECT revision::text FROM ledger WHERE kind = $1 AND ${column} = $2`;
  const [row] = await stack.query<{ revision: string }>(sql, [kind, id]);
  return row === undefined ? undefined : BigInt(row.revision);
}

it('W13 lock ‖ approve: either the grant is there before the lock, or the request is pending and nothing began', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const request = await submitted(stack, 'ada');
    const [lock, approval] = await Promise.allSettled([
      locked(stack, { entity: database('orders') }),
      vote(stack, 'bob', request),
    ]);
    if (lock.status === 'rejected') throw lock.reason;
    const began = await revisionOf('GRANT_STARTED', 'request_id', request.id);
    const { request: after } = await (await stack.as('ada')).services.grants.getAccessRequest({
      id: request.id,
    });
    if (approval.status === 'fulfilled') {
      expect(began).toBeLessThan(lock.value.revision);
      expect(after?.state).toBe(RequestState.APPROVED);
    } else {
      expect(await errorOf(Promise.reject(approval.reason))).toMatchObject({ reason: 'LOCKED' });
      expect([began, after?.state]).toEqual([undefined, RequestState.PENDING]);
    }
    seen.add(approval.status);
    await lifted(stack, lock.value.id);
  }
  expect(seen.size).toBeGreaterThan(0);
});

it('W13 lock ‖ request: what is granted at once is granted before the lock or not at all', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [lock, request] = await Promise.allSettled([
      locked(stack, { entity: user('ada') }),
      submit(stack, 'ada', { resource: database('scratch') }),
    ]);
    if (lock.status === 'rejected') throw lock.reason;
    if (request.status === 'fulfilled') expect(request.value.revision).toBeLessThan(lock.value.revision);
    else expect(await errorOf(Promise.reject(request.reason))).toMatchObject({ reason: 'LOCKED' });
    await lifted(stack, lock.value.id);
  }
});

it('W13 two lifts of one lock: one of them lifts it', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { id } = await locked(stack, { entity: database('orders') });
    const outcomes = await Promise.allSettled([lifted(stack, id, 'dee'), lifted(stack, id, 'root')]);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(1);
    for (const { reason } of refused)
      expect(await errorOf(Promise.reject(reason))).toMatchObject({ reason: 'LOCK_LIFTED' });
  }
});

it('W13 offboard ‖ approve: nothing of whoever was taken out lives on', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const request = await submitted(stack, 'ada');
    const security = await stack.as('dee');
    const [offboarded, approval] = await Promise.allSettled([
      security.services.locks.offboardPrincipal({ principal: user('ada'), reason: 'left' }),
      vote(stack, 'bob', request),
    ]);
    if (offboarded.status === 'rejected') throw offboarded.reason;
    const { grants } = await security.services.grants.listGrants({
      subject: user('ada'),
      states: [GrantState.ACTIVE],
    });
    expect(grants).toEqual([]);
    const { request: after } = await security.services.grants.getAccessRequest({ id: request.id });
    const { endedGrantIds, withdrawnRequestIds, lock } = offboarded.value;
    if (approval.status === 'fulfilled') expect(endedGrantIds).toContain(after?.items[0]?.grantId);
    else expect(withdrawnRequestIds).toContain(request.id);
    await lifted(stack, lock?.id ?? '');
  }
});
