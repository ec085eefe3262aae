import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  GrantAction,
  GrantState,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, grantIdOf, reasonOf, submitted, vote } from './ask.ts';
import { granted, grantOf, grantsAs, instant, kindsOf, person, until } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;

async function extend(id: string, { ms = HOUR_MS, who = 'ada', reason = 'not done yet' } = {}) {
  return await (await grantsAs(stack, who)).extendGrant({ id, duration: durationFromMs(ms), reason });
}

async function endOf(id: string): Promise<number> {
  return instant((await grantOf(stack, id)).expiresAt).getTime();
}

describe('an extension', () => {
  it('that nobody need approve counts from the end of the grant', async () => {
    const id = await granted(stack, 'auto-1', { seconds: 1_800 });
    const before = await endOf(id);
    const { grant, request, revision } = await extend(id, { ms: 600_000 });
    expect(request?.state).toBe(RequestState.APPROVED);
    expect([request?.extendsGrantId, request?.extension]).toEqual([id, 1]);
    expect(instant(grant?.expiresAt).getTime()).toBe(before + 600_000);
    expect([grant?.extensions, revision > 0n]).toEqual([1, true]);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_EXTENDED']);
  });

  it('W18 is asked for by whoever asked for the grant as well, who sees it', async () => {
    const asked = { resource: database('auto-1'), seconds: 1_800, subject: person('ada') };
    const id = grantIdOf(await submitted(stack, 'lea', asked));
    expect((await grantOf(stack, id, 'lea')).allowedActions).toEqual([GrantAction.EXTEND]);
    const { grants } = await (await grantsAs(stack, 'lea')).listGrants({ subject: person('ada') });
    expect(grants.map((grant) => grant.id)).toContain(id);
    const { grant } = await extend(id, { ms: 600_000, who: 'lea' });
    expect(grant?.extensions).toBe(1);
    expect(await reasonOf(extend(id, { ms: 600_000, who: 'eve' }))).toBe('GRANT_NOT_FOUND');
  });

  it('is reviewed like the grant was', async () => {
    const id = await granted(stack, 'plain-1', { seconds: 1_800 });
    const before = await endOf(id);
    const { request } = await extend(id);
    expect(request?.state).toBe(RequestState.PENDING);
    expect(await endOf(id)).toBe(before);
    const done = await vote(stack, 'bob', request ?? expect.unreachable());
    expect(done.request?.items[0]?.grantId).toBe(id);
    expect(await endOf(id)).toBe(before + HOUR_MS);
  });

  it('W6 cannot be agreed to for less than the grant permits: that is refused by the field, less time is not', async () => {
    const id = await granted(stack, 'plain-1', { seconds: 1_800, actions: ['read', 'write'] });
    const before = await endOf(id);
    const { request = expect.unreachable() } = await extend(id);
    const approve = async (actions: readonly string[]) =>
      await (await grantsAs(stack, 'bob')).reviewAccessRequest({
        id: request.id,
        requestHash: request.requestHash,
        verdict: Verdict.APPROVE,
        narrowing: [{ item: 0, actions: actions.map(action), duration: durationFromMs(600_000) }],
      });
    const error = await errorOf(approve(['read']));
    expect(error.violations.map(({ field }) => field)).toEqual(['narrowing[0].actions']);
    expect(error.message).toMatch(/an extension is of all that the grant permits: .*"read".*"write"/);
    expect(await endOf(id)).toBe(before);
    await approve(['write', 'read']);
    expect(await endOf(id)).toBe(before + 600_000);
  });

  it('I9 asked for again with the same key is the same, though the grant could be extended no more', async () => {
    const id = await granted(stack, 'auto-1', { seconds: 1_800 });
    const ada = await grantsAs(stack, 'ada');
    const ask = () =>
      ada.extendGrant({
        id,
        duration: durationFromMs(600_000),
        reason: 'not done yet',
        idempotencyKey: 'more',
      });
    const first = await ask();
    await ada.releaseGrant({ id });
    const again = await ask();
    expect([again.request?.id, again.revision]).toEqual([first.request?.id, first.revision]);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_EXTENDED', 'GRANT_ENDED']);
  });

  it('W12 I8 is given as often as the workflow says, and in all no longer', async () => {
    const id = await granted(stack, 'auto-2', { seconds: 3_600 });
    const before = await countRows(stack);
    expect(await reasonOf(extend(id, { ms: HOUR_MS + 1 }))).toBe('DURATION_TOO_LONG');
    expect(await countRows(stack)).toEqual(before);
    await extend(id);
    expect(await reasonOf(extend(id))).toBe('EXTENSION_LIMIT');
    const { startsAt, expiresAt } = await grantOf(stack, id);
    expect(instant(expiresAt).getTime() - instant(startsAt).getTime()).toBe(2 * HOUR_MS);
  });

  it('is asked for once at a time; the very same again gives the request that is there', async () => {
    const id = await granted(stack, 'plain-2', { seconds: 1_800 });
    const first = await extend(id);
    expect((await extend(id)).request?.id).toBe(first.request?.id);
    const other = await errorOf(extend(id, { ms: 600_000 }));
    expect([other.reason, other.metadata['request_id']]).toEqual(['EXTENSION_PENDING', first.request?.id]);
    await (await grantsAs(stack, 'ada')).withdrawAccessRequest({ id: first.request?.id ?? '' });
    expect((await extend(id, { ms: 600_000 })).request?.state).toBe(RequestState.PENDING);
  });

  it('never brings back what has ended, though it was asked for before', async () => {
    const id = await granted(stack, 'plain-3', { seconds: 1_800 });
    const { request } = await extend(id);
    await (await grantsAs(stack, 'ada')).releaseGrant({ id });
    const { request: denied } = await vote(stack, 'bob', request ?? expect.unreachable());
    expect(denied?.state).toBe(RequestState.DENIED);
    expect(denied?.items[0]?.deniedBecause).toMatch(/the grant is ENDED/);
    expect((await grantOf(stack, id)).state).toBe(GrantState.ENDED);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
    expect(await reasonOf(extend(id))).toBe('GRANT_ENDED');
  });

  it('W13 ‖ expiry: a grant is extended before its end or not at all', { timeout: 120_000 }, async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, round) => {
        const id = await granted(stack, 'auto-3', { seconds: 1, reason: `a race ${round}` });
        const end = await endOf(id);
        await until(
          () => stack.query<{ now: Date }>('SELECT clock_timestamp() AS now'),
          ([row]) => row !== undefined && row.now.getTime() >= end - 100 + round * 8,
        );
        const reason = await extend(id, { ms: 1_000, reason: `a race ${round}` }).then(
          () => '',
          (error: unknown) =>
            error instanceof Error && 'reason' in error ? String(error.reason) : 'another',
        );
        return { id, end, reason };
      }),
    );
    for (const { id, end, reason } of outcomes) {
      expect(['', 'GRANT_ENDED', 'NOT_REQUESTABLE']).toContain(reason);
      const kinds = await kindsOf(stack, id);
      const [row] = await stack.query<{ at: Date }>(
        "SELECT at FROM ledger WHERE grant_id = $1 AND kind = 'GRANT_EXTENDED'",
        [id],
      );
      if (kinds.includes('GRANT_EXTENDED')) expect(row?.at.getTime()).toBeLessThan(end);
      else expect(await endOf(id)).toBe(end);
    }
  });

  it.each([
    ['of somebody else', 'eve', 'GRANT_NOT_FOUND'],
    ['by somebody who only sees it', 'dee', 'NOT_PERMITTED'],
  ])('%s is refused', async (_what, who, reason) => {
    const id = await granted(stack, 'auto-1', { reason: who });
    expect(await reasonOf(extend(id, { who }))).toBe(reason);
  });

  it('of what has not begun is refused', async () => {
    const id = await granted(stack, 'claim-1');
    expect(await reasonOf(extend(id))).toBe('GRANT_STATE');
  });

  it('of what its workflow does not extend is refused', async () => {
    const id = await granted(stack, 'kept-1');
    expect(await reasonOf(extend(id))).toBe('EXTENSION_LIMIT');
  });
});
