import { afterAll, beforeAll, expect, it } from 'vitest';
import { CurfewError } from '../../../clients/sdk/index.ts';
import { EndReason, GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { grantIdOf, submitted, vote } from './ask.ts';

const ROUNDS = 50;
const LANES = 5;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Several races at once, of which each has its own request: what is raced for is one row. */
async function rounds(race: () => Promise<void>, count = ROUNDS): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let round = 0; round < count / LANES; round += 1) await race();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function reread(id: string) {
  const { request } = await (await stack.as('ada')).services.grants.getAccessRequest({ id });
  return request;
}

async function grantsOf(requestId: string): Promise<unknown[]> {
  return await stack.query('SELECT id FROM grants WHERE request_id = $1', [requestId]);
}

it('W13 approve ‖ withdraw: one of them happens, and a withdrawn request has no grant', async () => {
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

it('W13 two approvals at quorum 2: both count and exactly one grant starts', async () => {
  await rounds(async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-9' });
    await Promise.all([vote(stack, 'bob', request), vote(stack, 'dee', request)]);
    expect((await reread(request.id))?.state).toBe(RequestState.APPROVED);
    expect(await grantsOf(request.id)).toHaveLength(1);
  });
});

it('W13 double vote: one person at the same moment is counted once', async () => {
  await rounds(async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-9' });
    const outcomes = await Promise.allSettled([vote(stack, 'cy', request), vote(stack, 'cy', request)]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    expect((await reread(request.id))?.reviews).toHaveLength(1);
    expect(await grantsOf(request.id)).toHaveLength(0);
  });
});

it('W13 approve ‖ lapse: an approval that comes as the time runs out either counts before it or not at all', async () => {
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

it('W13 revoke ‖ release: the grant ends once, for one reason', async () => {
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

it('W13 one idempotency key used by many calls at once makes one request', async () => {
  const ada = await stack.as('ada');
  let keys = 0;
  await rounds(async () => {
    const idempotencyKey = `race-${(keys += 1)}`;
    const call = () =>
      ada.services.grants.requestAccess({
        items: [{ resource: { type: 'Database', id: 'orders' }, actions: [{ type: 'Action', id: 'read' }] }],
        reason: 'once',
        idempotencyKey,
      });
    const answers = await Promise.all([call(), call(), call(), call()]);
    expect(new Set(answers.map((answer) => answer.request?.id)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.revision)).size).toBe(1);
  }, 10);
});

/** Each reason as often as it came; '' for what was done. */
async function reasonsOf(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const reasons: Record<string, number> = {};
  for (const outcome of await Promise.allSettled(calls)) {
    const reason = outcome.status === 'fulfilled' ? '' : reasonFor(outcome.reason);
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return reasons;
}

function reasonFor(error: unknown): string {
  if (error instanceof CurfewError) return error.reason ?? error.code;
  return error instanceof Error ? error.message : 'no error';
}

/** The last two are for a busy machine: whoever waits for too long is told so, and changes nothing. */
const REASONS = ['', 'ALREADY_REVIEWED', 'REQUEST_NOT_PENDING', 'CONFLICT', 'DATABASE_UNAVAILABLE'];

async function kindsOf(column: 'request_id' | 'grant_id', id: string): Promise<readonly string[]> {
  const rows = await stack.query<{ kind: string }>(
    `SELECT kind FROM ledger WHERE ${column} = $1 ORDER BY revision`,
    [id],
  );
  return rows.map(({ kind }) => kind);
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

it('W13 I4 thirty-two writers at once on one request: it ends once, with one grant or none, and is never left again', async () => {
  const ends: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-9' });
    const ada = await stack.as('ada');
    const withdraw = (): Promise<unknown> => ada.services.grants.withdrawAccessRequest({ id: request.id });
    const write = (who: string, verdict: 'approve' | 'deny') => (): Promise<unknown> =>
      vote(stack, who, request, verdict);
    const writers: Promise<unknown>[] = [
      ...times(8, write('bob', 'approve')),
      ...times(8, write('dee', 'approve')),
      ...times(6, write('cy', 'approve')),
      // In most rounds somebody ends it otherwise.
      ...times(6, round % 4 === 0 ? write('cy', 'approve') : write('cy', 'deny')),
      ...times(4, round % 2 === 0 ? write('bob', 'approve') : withdraw),
    ];
    expect(writers).toHaveLength(32);
    const reasons = await reasonsOf(writers);
    expect(REASONS).toEqual(expect.arrayContaining(Object.keys(reasons)));
    const ended = await reread(request.id);
    const people = ended?.reviews.map(({ reviewer }) => reviewer?.id) ?? [];
    expect(new Set(people).size).toBe(people.length);
    const kinds = await kindsOf('request_id', request.id);
    const last = kinds.at(-1) ?? '';
    expect(['GRANT_STARTED', 'ITEM_DENIED', 'REQUEST_WITHDRAWN']).toContain(last);
    expect(kinds.slice(1, -1).every((kind) => kind === 'REQUEST_REVIEWED')).toBe(true);
    expect(await grantsOf(request.id)).toHaveLength(last === 'GRANT_STARTED' ? 1 : 0);
    const again = await reasonsOf([withdraw(), write('bob', 'approve')(), write('cy', 'deny')()]);
    expect(again['']).toBeUndefined();
    expect((await reread(request.id))?.state).toBe(ended?.state);
    expect(await kindsOf('request_id', request.id)).toEqual(kinds);
    ends.push(last);
  }
  expect(ends).toContain('GRANT_STARTED');
});

it('W13 I6 thirty-two writers at once on one grant: it ends once, and is never left again', async () => {
  for (let round = 0; round < 4; round += 1) {
    const id = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
    const [ada, dee, cy] = await Promise.all(['ada', 'dee', 'cy'].map((who) => stack.as(who)));
    const release = (): Promise<{ readonly grant?: unknown }> =>
      ada?.services.grants.releaseGrant({ id }) ?? expect.unreachable();
    const revoke = (by: typeof dee) => async () => {
      const { failed } = (await by?.services.grants.revokeGrants({ ids: [id], reason: 'enough' })) ?? {};
      if (failed?.length !== 0) throw new Error('refused');
    };
    const writers: Promise<unknown>[] = [
      ...times(16, release),
      ...times(8, revoke(dee)),
      ...times(8, revoke(cy)),
    ];
    expect((await reasonsOf(writers))['']).toBe(1);
    const { grant: ended } = await release().catch(() => ({ grant: undefined }));
    expect(ended).toBeUndefined();
    expect(await kindsOf('grant_id', id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
  }
});

it('W13 revoke ‖ expire: a grant ends by one of them, and at no other time than its own', async () => {
  const dee = await stack.as('dee');
  await Promise.all(
    times(8, async () => {
      const { request } = await vote(stack, 'bob', await submitted(stack, 'ada', { seconds: 2 }));
      const id = grantIdOf(request);
      const [row] = await stack.query<{ expires_at: Date }>('SELECT expires_at FROM grants WHERE id = $1', [
        id,
      ]);
      const expiresAtMs = row?.expires_at.getTime() ?? 0;
      await until(expiresAtMs - 20);
      const { ended } = await dee.services.grants.revokeGrants({ ids: [id], reason: 'enough' });
      const [after] = await stack.query<{ ended_at: Date; end_reason: string }>(
        'SELECT ended_at, end_reason FROM grants WHERE id = $1',
        [id],
      );
      const endedAtMs = after?.ended_at.getTime() ?? 0;
      if (ended.length === 1) expect(endedAtMs).toBeLessThan(expiresAtMs);
      else expect(endedAtMs).toBe(expiresAtMs);
      expect(after?.end_reason).toBe(ended.length === 1 ? 'REVOKED' : 'EXPIRED');
      expect(await kindsOf('grant_id', id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
    }),
  );
});

/** Time itself is what is waited for here: the request lapses by it. */
async function until(atMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, Math.max(0, atMs - Date.now()));
  await promise;
}
