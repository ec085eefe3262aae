import { timestampDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { EndReason, GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { HOUR_MS, WrongClock } from '../../support/wrong-clock.ts';
import { database, grantIdOf, reasonOf, submitted, vote } from './ask.ts';

const machine = new WrongClock();
/** The longest that a poll may be under way, and hence what is shown ahead of the database. */
const POLL_MS = 1_500;
const patiently = { timeout: 60_000, interval: 20 };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ machine });
});
afterAll(() => stack[Symbol.asyncDispose]());
beforeEach(() => {
  machine.aheadMs = 0;
});

/** Waits until the service has noticed how wrong its clock is. */
async function goWrong(aheadMs: number): Promise<void> {
  machine.aheadMs = aheadMs;
  const { clock } = stack.grant.context.followed;
  await vi.waitUntil(() => Math.abs(clock.driftMs() - aheadMs) < HOUR_MS / 10, patiently);
}

async function databaseClock(): Promise<number> {
  const [row] = await stack.query<{ now: Date }>(
    `SELECT date_trunc('milliseconds', clock_timestamp()) AS now`,
  );
  return row?.now.getTime() ?? Number.NaN;
}

async function grantOf(id: string) {
  const { grant } = await (await stack.as('ada')).services.grants.getGrant({ id });
  return grant;
}

const skews = [
  { name: 'an hour ahead', aheadMs: HOUR_MS },
  { name: 'an hour behind', aheadMs: -HOUR_MS },
];

it.each(skews)(
  'W21 with a clock $name requests, grants and the ledger have the times of the database',
  async ({ aheadMs }) => {
    await goWrong(aheadMs);
    const before = await databaseClock();
    const request = await submitted(stack, 'ada', { seconds: 60 });
    const id = grantIdOf((await vote(stack, 'bob', request)).request);
    const after = await databaseClock();
    const grant = await grantOf(id);
    expect(grant?.state).toBe(GrantState.ACTIVE);
    const [row] = await stack.query<{ starts_at: Date; expires_at: Date; created_at: Date; pending: number }>(
      `SELECT grants.starts_at, grants.expires_at, access_requests.created_at,
       extract(epoch FROM access_requests.expires_at - access_requests.created_at)::int AS pending
     FROM grants JOIN access_requests ON access_requests.id = request_id WHERE grants.id = $1`,
      [id],
    );
    const startsAtMs = row?.starts_at.getTime() ?? 0;
    expect(row?.pending).toBe(24 * 3_600);
    expect((row?.expires_at.getTime() ?? 0) - startsAtMs).toBe(60_000);
    const events = await stack.query<{ at: Date }>('SELECT at FROM ledger WHERE request_id = $1', [
      request.id,
    ]);
    expect(events).toHaveLength(3);
    for (const atMs of [
      startsAtMs,
      row?.created_at.getTime() ?? 0,
      ...events.map(({ at }) => at.getTime()),
    ]) {
      expect(atMs).toBeGreaterThanOrEqual(before);
      expect(atMs).toBeLessThanOrEqual(after);
    }
  },
);

it.each(skews)(
  'W21 with a clock $name a grant lapses when the database says so, to the millisecond',
  async ({ aheadMs }) => {
    await goWrong(aheadMs);
    const { grants } = (await stack.as('ada')).services;
    const id = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada', { seconds: 1 }))).request);
    const expiresAt = (await grantOf(id))?.expiresAt;
    const expiresAtMs = expiresAt === undefined ? Number.NaN : timestampDate(expiresAt).getTime();
    await vi.waitUntil(async () => (await databaseClock()) >= expiresAtMs, patiently);
    expect((await grantOf(id))?.state).toBe(GrantState.ENDED);
    expect(await reasonOf(grants.releaseGrant({ id }))).toBe('GRANT_ENDED');
    const grant = await grantOf(id);
    expect(grant?.endReason).toBe(EndReason.EXPIRED);
    expect(grant?.endedAt).toEqual(expiresAt);
  },
);

it('a list of grants says what time it is by the database, for whoever shows what is left', async () => {
  await goWrong(HOUR_MS);
  const before = await databaseClock();
  const { now } = await (await stack.as('ada')).services.grants.listGrants({});
  if (now === undefined) throw new Error('no time in the answer');
  const saidMs = timestampDate(now).getTime();
  expect(saidMs).toBeGreaterThanOrEqual(before - POLL_MS);
  expect(saidMs).toBeLessThanOrEqual((await databaseClock()) + POLL_MS);
});

it('W21 with a clock that jumps back and forth an unanswered request lapses when its time is up, not before', {
  timeout: 120_000,
}, async () => {
  // The workflow waits four seconds.
  const request = await submitted(stack, 'ada', { actions: ['drop'], resource: database('orders') });
  await vote(stack, 'cy', request);
  const lapsesAtMs = request.expiresAt === undefined ? 0 : timestampDate(request.expiresAt).getTime();
  const { grants } = (await stack.as('ada')).services;
  const states: RequestState[] = [];
  for (let round = 0; ; round += 1) {
    machine.aheadMs = round % 2 === 0 ? HOUR_MS : -HOUR_MS;
    const before = await databaseClock();
    const shown = (await grants.getAccessRequest({ id: request.id })).request?.state;
    const after = await databaseClock();
    if (shown !== undefined) states.push(shown);
    if (after < lapsesAtMs - POLL_MS) expect(shown).toBe(RequestState.PENDING);
    // It is shown by the earliest that it may be, which is behind by as long as the last poll took.
    if (before < lapsesAtMs + POLL_MS) continue;
    expect(shown).toBe(RequestState.EXPIRED);
    break;
  }
  expect(states).toContain(RequestState.PENDING);
  expect(await reasonOf(vote(stack, 'dee', request))).toBe('REQUEST_NOT_PENDING');
});
