import { afterAll, beforeAll, expect, it } from 'vitest';
import { EndReason, GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { grantIdOf, submitted, vote } from './ask.ts';

const ROUNDS = 50;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

async function rounds(race: () => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await race();
}

async function reread(id: string) {
  const { request } = await (await stack.as('ada')).services.grants.getAccessRequest({ id });
  return request;
}

async function grantsOf(requestId: string): Promise<unknown[]> {
  return await stack.query('SELECT id FROM grants WHERE request_id = $1', [requestId]);
}

it('approve ‖ withdraw: one of them happens, and a withdrawn request has no grant', async () => {
  const seen = new Set<RequestState>();
  await rounds(async () => {
    const request = await submitted(stack, 'ada');
    const ada = await stack.as('ada');
    const outcomes = await Promise.allSettled([
      vote(stack, 'bob', request),
      ada.services.grants.withdrawAccessRequest({ id: request.id }),
    ]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    const state = (await reread(request.id))?.state;
    expect([RequestState.APPROVED, RequestState.WITHDRAWN]).toContain(state);
    expect(await grantsOf(request.id)).toHaveLength(state === RequestState.APPROVED ? 1 : 0);
    if (state !== undefined) seen.add(state);
  });
  expect(seen.size).toBeGreaterThan(0);
});

it('two approvals at quorum 2: both count and exactly one grant starts', async () => {
  await rounds(async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-9' });
    await Promise.all([vote(stack, 'bob', request), vote(stack, 'dee', request)]);
    expect((await reread(request.id))?.state).toBe(RequestState.APPROVED);
    expect(await grantsOf(request.id)).toHaveLength(1);
  });
});

it('double vote: one person at the same moment is counted once', async () => {
  await rounds(async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-9' });
    const outcomes = await Promise.allSettled([vote(stack, 'cy', request), vote(stack, 'cy', request)]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    expect((await reread(request.id))?.reviews).toHaveLength(1);
    expect(await grantsOf(request.id)).toHaveLength(0);
  });
});

it('approve ‖ lapse: an approval that comes as the time runs out either counts before it or not at all', async () => {
  await Promise.all(
    Array.from({ length: ROUNDS }, async (_, round) => {
      const request = await submitted(stack, 'ada', { actions: ['drop'] });
      await vote(stack, 'cy', request);
      const lapsesAt = Number(request.expiresAt?.seconds) * 1000 + (request.expiresAt?.nanos ?? 0) / 1e6;
      // Spread over the last moments before and after the lapse.
      const at = lapsesAt - 50 + round * 2;
      await until(at);
      const approved = await vote(stack, 'dee', request).then(
        () => true,
        () => false,
      );
      const state = (await reread(request.id))?.state;
      expect(state).toBe(approved ? RequestState.APPROVED : RequestState.EXPIRED);
      const grants = await stack.query<{ starts_at: Date }>(
        'SELECT starts_at FROM grants WHERE request_id = $1',
        [request.id],
      );
      expect(grants.every((grant) => grant.starts_at.getTime() < lapsesAt)).toBe(true);
      expect(grants).toHaveLength(approved ? 1 : 0);
    }),
  );
});

it('revoke ‖ release: the grant ends once, for one reason', async () => {
  await rounds(async () => {
    const request = await submitted(stack, 'ada');
    const id = grantIdOf((await vote(stack, 'bob', request)).request);
    const [ada, dee] = [await stack.as('ada'), await stack.as('dee')];
    const [released, revoked] = await Promise.allSettled([
      ada.services.grants.releaseGrant({ id }),
      dee.services.grants.revokeGrants({ ids: [id], reason: 'enough' }),
    ]);
    const wasRevoked = revoked.status === 'fulfilled' && revoked.value.ended.length === 1;
    expect([released.status === 'fulfilled', wasRevoked].filter(Boolean)).toHaveLength(1);
    const { grant } = await ada.services.grants.getGrant({ id });
    expect(grant?.state).toBe(GrantState.ENDED);
    expect(grant?.endReason).toBe(wasRevoked ? EndReason.REVOKED : EndReason.RELEASED);
    const ends = await stack.query(
      `SELECT revision FROM ledger WHERE grant_id = $1 AND kind = 'GRANT_ENDED'`,
      [id],
    );
    expect(ends).toHaveLength(1);
  });
});

it('one idempotency key used by many calls at once makes one request', async () => {
  const ada = await stack.as('ada');
  await Promise.all(
    Array.from({ length: 10 }, async (_, round) => {
      const call = () =>
        ada.services.grants.requestAccess({
          items: [
            { resource: { type: 'Database', id: 'orders' }, actions: [{ type: 'Action', id: 'read' }] },
          ],
          reason: 'once',
          idempotencyKey: `race-${round}`,
        });
      const answers = await Promise.all([call(), call(), call(), call()]);
      expect(new Set(answers.map((answer) => answer.request?.id)).size).toBe(1);
      expect(new Set(answers.map((answer) => answer.revision)).size).toBe(1);
    }),
  );
});

/** Time itself is what is waited for here: the request lapses by it. */
async function until(atMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, Math.max(0, atMs - Date.now()));
  await promise;
}
