import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AccessRequest,
  GrantState,
  RequestAction,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, grantIdOf, reasonOf, submitted, vote } from './ask.ts';
import { grantOf, grantsAs, instant } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Narrowed {
  readonly actions?: readonly string[];
  readonly ms?: number;
  readonly startsAt?: Date;
  readonly item?: number;
}

async function narrow(who: string, request: AccessRequest, { actions, ms, startsAt, item = 0 }: Narrowed) {
  return await (await grantsAs(stack, who)).reviewAccessRequest({
    id: request.id,
    requestHash: request.requestHash,
    verdict: Verdict.APPROVE,
    narrowing: [
      {
        item,
        actions: (actions ?? []).map(action),
        ...(ms === undefined ? {} : { duration: durationFromMs(ms) }),
        ...(startsAt === undefined ? {} : { startsAt: timestampFromDate(startsAt) }),
      },
    ],
  });
}

const ask = (resource: string) =>
  submitted(stack, 'ada', {
    resource: database(resource),
    actions: ['read', 'write', 'drop'],
    seconds: 3_600,
  });

describe('an approval that narrows', () => {
  it('gives what all of them agree to, and shows what it comes to before', async () => {
    const request = await ask('two-1');
    const first = await narrow('bob', request, { actions: ['read', 'write'], ms: 1_800_000 });
    const comesTo = first.request?.items[0]?.comesTo;
    expect(comesTo?.actions.map(({ id }) => id)).toEqual(['read', 'write']);
    expect(comesTo?.duration).toMatchObject({ seconds: 1_800n });
    const second = await narrow('dee', request, { actions: ['write', 'drop'], ms: 900_000 });
    const grant = await grantOf(stack, grantIdOf(second.request));
    expect(grant.actions.map(({ id }) => id)).toEqual(['write']);
    expect(instant(grant.expiresAt).getTime() - instant(grant.startsAt).getTime()).toBe(900_000);
    expect(grant.approvers.map(({ id }) => id).sort()).toEqual(['bob', 'dee']);
    expect(second.request?.requestHash).toEqual(request.requestHash);
  });

  it('may let it begin later', async () => {
    const startsAt = new Date(Date.now() + 3_600_000);
    const { request } = await narrow('bob', await ask('plain-1'), { startsAt });
    const grant = await grantOf(stack, grantIdOf(request));
    expect([grant.state, instant(grant.startsAt)]).toEqual([GrantState.SCHEDULED, startsAt]);
    expect(instant(grant.expiresAt)).toEqual(new Date(startsAt.getTime() + 3_600_000));
  });

  it('that would leave nothing with the others is refused, and nothing is written', async () => {
    const request = await ask('two-2');
    await narrow('bob', request, { actions: ['read'] });
    const before = await countRows(stack);
    expect(await reasonOf(narrow('dee', request, { actions: ['write'] }))).toBe('NOTHING_LEFT');
    expect(await countRows(stack)).toEqual(before);
  });

  it('counts no more than its vote: taken back, it narrows nothing', async () => {
    const request = await ask('two-3');
    await narrow('bob', request, { actions: ['read'] });
    await (await grantsAs(stack, 'bob')).withdrawReview({ id: request.id });
    await vote(stack, 'cy', request);
    const { request: done } = await narrow('dee', request, { actions: ['write'] });
    expect((await grantOf(stack, grantIdOf(done))).actions.map(({ id }) => id)).toEqual(['write']);
  });

  it.each<[string, Narrowed, string, RegExp]>([
    [
      'another action',
      { actions: ['read', 'ping'] },
      'narrowing[0].actions[1]',
      /wanted one that is asked for/,
    ],
    ['more time', { ms: 3_600_001 }, 'narrowing[0].duration', /wanted at most what is asked for: 1h/],
    ['a start that is past', { startsAt: new Date(0) }, 'narrowing[0].starts_at', /which is past/],
    [
      'a start further ahead than the workflow takes',
      { startsAt: new Date(Date.now() + 3 * 86_400_000) },
      'narrowing[0].starts_at',
      /wanted at the latest/,
    ],
    ['an item that is not there', { item: 3 }, 'narrowing[0].item', /wanted an item that this vote is on: 0/],
  ])('to %s is refused by the field', async (_what, narrowed, field, message) => {
    const request = await submitted(stack, 'ada', {
      resource: database('plain-2'),
      actions: ['read'],
      seconds: 3_600,
    });
    const error = await errorOf(narrow('bob', request, narrowed));
    expect(error.violations.map((it) => it.field)).toEqual([field]);
    expect(error.message).toMatch(message);
  });

  it('is no way to narrow a deny', async () => {
    const request = await ask('plain-3');
    const deny = (await grantsAs(stack, 'bob')).reviewAccessRequest({
      id: request.id,
      requestHash: request.requestHash,
      verdict: Verdict.DENY,
      narrowing: [{ item: 0, actions: [action('read')] }],
    });
    expect((await errorOf(deny)).violations.map((it) => it.field)).toEqual(['narrowing']);
  });
});

describe('a vote taken back', () => {
  it('counts no more, stays written down, and may be cast anew', async () => {
    const request = await ask('two-1');
    await vote(stack, 'bob', request);
    const bob = await grantsAs(stack, 'bob');
    const { request: after } = await bob.withdrawReview({ id: request.id });
    expect(after?.items[0]?.steps.map((step) => step.filledBy)).toEqual([[], []]);
    expect(after?.reviews.map((review) => review.withdrawnAt !== undefined)).toEqual([true]);
    expect(after?.allowedActions).toContain(RequestAction.REVIEW);
    await vote(stack, 'dee', request);
    const { request: done } = await vote(stack, 'bob', request);
    expect(done?.state).toBe(RequestState.APPROVED);
    expect(done?.reviews).toHaveLength(3);
  });

  it('must be there, and the item pending', async () => {
    const request = await ask('plain-1');
    const take = async (who: string) => await (await grantsAs(stack, who)).withdrawReview({ id: request.id });
    expect(await reasonOf(take('bob'))).toBe('NO_REVIEW');
    expect(await reasonOf(take('eve'))).toBe('REQUEST_NOT_FOUND');
    await vote(stack, 'bob', request);
    expect(await reasonOf(take('bob'))).toBe('REQUEST_NOT_PENDING');
  });

  it('or an approval that fills the seats: one of them happens', async () => {
    for (let round = 0; round < 15; round += 1) {
      const request = await ask('two-2');
      await vote(stack, 'bob', request);
      const bob = await grantsAs(stack, 'bob');
      const [taken] = await Promise.allSettled([
        bob.withdrawReview({ id: request.id }),
        vote(stack, 'dee', request),
      ]);
      const { request: now } = await (await grantsAs(stack, 'ada')).getAccessRequest({ id: request.id });
      expect(now?.state).toBe(taken.status === 'fulfilled' ? RequestState.PENDING : RequestState.APPROVED);
    }
  });
});

describe('a review', () => {
  it('has a comment where the workflow wants one', async () => {
    const request = await ask('explained-1');
    const error = await errorOf(vote(stack, 'bob', request));
    expect(error.violations.map(({ field }) => field)).toEqual(['comment']);
    const { request: done } = await (await grantsAs(stack, 'bob')).reviewAccessRequest({
      id: request.id,
      requestHash: request.requestHash,
      verdict: Verdict.APPROVE,
      comment: 'for the migration',
    });
    expect(done?.state).toBe(RequestState.APPROVED);
  });

  it('is open to those who stand in once the time for it has come', { timeout: 120_000 }, async () => {
    const request = await ask('escalated-1');
    const { requests } = await (await grantsAs(stack, 'dee')).listAccessRequests({ toReview: true });
    expect(requests.map(({ id }) => id)).not.toContain(request.id);
    for (;;) {
      const done = await vote(stack, 'dee', request).catch(() => undefined);
      if (done?.request?.state === RequestState.APPROVED) break;
      expect(Date.now() - instant(request.createdAt).getTime()).toBeLessThan(20_000);
    }
    const [row] = await stack.query<{ ms: number }>(
      `SELECT extract(epoch FROM grants.created_at - access_requests.created_at) * 1000 AS ms
       FROM grants JOIN access_requests ON access_requests.id = request_id WHERE request_id = $1`,
      [request.id],
    );
    expect(Number(row?.ms)).toBeGreaterThanOrEqual(2_000);
  });

  it('W3 of whoever owns a service that asks, or that is asked for, is refused', async () => {
    const request = await submitted(stack, 'lea', {
      resource: database('plain-1'),
      subject: { type: 'Service', id: 'robot' },
    });
    expect(request.allowedActions).toContain(RequestAction.WITHDRAW);
    expect(await reasonOf(vote(stack, 'bob', request))).toBe('SELF_REVIEW');
    const { request: done } = await vote(stack, 'cy', request);
    expect(done?.state).toBe(RequestState.APPROVED);
  });

  it('is reminded of once an hour', async () => {
    const request = await ask('plain-2');
    const ada = await grantsAs(stack, 'ada');
    const offered = async () => (await ada.getAccessRequest({ id: request.id })).request?.allowedActions;
    expect(await offered()).toEqual([RequestAction.WITHDRAW, RequestAction.REMIND_REVIEWERS]);
    expect((await ada.remindReviewers({ id: request.id })).revision).toBeGreaterThan(0n);
    expect(await offered()).toEqual([RequestAction.WITHDRAW]);
    const { requests } = await ada.listAccessRequests({ mine: true });
    expect(requests.find(({ id }) => id === request.id)?.allowedActions).toEqual([RequestAction.WITHDRAW]);
    expect(await reasonOf(ada.remindReviewers({ id: request.id }))).toBe('TOO_MUCH');
    expect(await reasonOf((await grantsAs(stack, 'bob')).remindReviewers({ id: request.id }))).toBe(
      'NOT_PERMITTED',
    );
    await vote(stack, 'bob', request);
    expect(await reasonOf(ada.remindReviewers({ id: request.id }))).toBe('REQUEST_NOT_PENDING');
  });
});
