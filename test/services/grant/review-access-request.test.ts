import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestAction, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  ReviewAccessRequestRequestSchema,
  RequestAccessRequestSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

describe('a review', () => {
  it('that fills the last seat starts the grant at once, for as long as was asked', async () => {
    const request = await submitted(stack, 'ada', { seconds: 90 });
    const { request: decided, revision } = await vote(stack, 'bob', request);
    expect(decided?.state).toBe(RequestState.APPROVED);
    expect(revision).toBeGreaterThan(request.revision);
    const { grant } = await (await stack.as('ada')).services.grants.getGrant({ id: grantIdOf(decided) });
    const ms = (at: { seconds: bigint; nanos: number } | undefined) =>
      Number(at?.seconds) * 1000 + (at?.nanos ?? 0) / 1e6;
    expect(ms(grant?.expiresAt) - ms(grant?.startsAt)).toBe(90_000);
  });

  it('that denies ends the item, whatever others have said', async () => {
    const request = await submitted(stack, 'ada', { actions: ['read', 'write'], ticket: 'CHG-1' });
    await vote(stack, 'bob', request);
    const { request: decided } = await vote(stack, 'dee', request, 'deny');
    expect(decided?.state).toBe(RequestState.DENIED);
    expect(await reasonOf(vote(stack, 'cy', request))).toBe('REQUEST_NOT_PENDING');
  });

  it('of one person fills one seat, though they could fill both', async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-2' });
    const { request: half } = await vote(stack, 'cy', request);
    expect(half?.state).toBe(RequestState.PENDING);
    const { request: full } = await vote(stack, 'bob', request);
    expect(full?.state).toBe(RequestState.APPROVED);
    const seats = full?.items[0]?.steps.map((step) => [step.name, step.filledBy.map((uid) => uid.id)]);
    expect(seats).toEqual([
      ['owner', ['bob']],
      ['security', ['cy']],
    ]);
  });

  it('cannot be cast twice by one person', async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-3' });
    await vote(stack, 'bob', request);
    const before = await countRows(stack);
    expect(await reasonOf(vote(stack, 'bob', request))).toBe('ALREADY_REVIEWED');
    expect(await countRows(stack)).toEqual(before);
  });

  it('of a stranger finds no request', async () => {
    const request = await submitted(stack, 'ada');
    expect(await reasonOf(vote(stack, 'eve', request))).toBe('REQUEST_NOT_FOUND');
  });

  it('of somebody who sees the request but fills no step is refused', async () => {
    const request = await submitted(stack, 'ada');
    expect(await reasonOf(vote(stack, 'dee', request))).toBe('NOT_A_REVIEWER');
  });

  it('is offered to those who may cast it, and to nobody else', async () => {
    const request = await submitted(stack, 'ada');
    const allowed = async (who: string) => {
      const { request: seen } = await (await stack.as(who)).services.grants.getAccessRequest({
        id: request.id,
      });
      return seen?.allowedActions;
    };
    expect(await allowed('bob')).toEqual([RequestAction.REVIEW]);
    expect(await allowed('ada')).toEqual([RequestAction.WITHDRAW, RequestAction.REMIND_REVIEWERS]);
    expect(await allowed('dee')).toEqual([]);
  });

  it('is offered item by item', async () => {
    const client = await stack.as('ada');
    const { request } = await client.services.grants.requestAccess({
      items: [
        { resource: database('orders'), actions: [action('read')] },
        { resource: { type: 'Environment', id: 'prod' }, actions: [action('read')] },
      ],
      duration: { seconds: 60n },
      reason: 'to compare',
    });
    const asDee = await (await stack.as('dee')).services.grants.getAccessRequest({ id: request?.id ?? '' });
    expect(asDee.request?.items.map((item) => item.allowedActions)).toEqual([[], [RequestAction.REVIEW]]);
    expect(asDee.request?.allowedActions).toEqual([RequestAction.REVIEW]);
  });

  it('says the policy set it was decided under (W5)', async () => {
    const request = await submitted(stack, 'ada');
    const { request: decided } = await vote(stack, 'bob', request);
    const { policyDigest } = await (await stack.as('bob')).services.decision.getStatus({});
    expect(decided?.reviews.map((review) => review.policyDigest)).toEqual([policyDigest]);
  });
});

describe('who may review', () => {
  it('W1 a requester who owns the resource cannot approve their own request', async () => {
    const request = await submitted(stack, 'cy');
    const before = await countRows(stack);
    expect(await reasonOf(vote(stack, 'cy', request))).toBe('SELF_REVIEW');
    expect(await countRows(stack)).toEqual(before);
  });

  it('W5 nobody can name approvers: neither request nor review has a field for it', () => {
    const fields = [RequestAccessRequestSchema, ReviewAccessRequestRequestSchema].flatMap((schema) =>
      schema.fields.map((field) => field.name),
    );
    expect(fields.filter((name) => /review|approv|step|seat/.test(name))).toEqual([]);
  });

  it('W18 a requester who asks for another is recorded beside the subject and approves neither', async () => {
    const request = await submitted(stack, 'cy', { subject: { type: 'Service', id: 'robot' } });
    expect([request.requester?.id, request.subject?.id]).toEqual(['cy', 'robot']);
    expect(await reasonOf(vote(stack, 'cy', request))).toBe('SELF_REVIEW');
    const asRobot = await stack.as('robot', 'Service');
    const robotVote = asRobot.services.grants.reviewAccessRequest({
      id: request.id,
      requestHash: request.requestHash,
      verdict: 1,
    });
    expect(await reasonOf(robotVote)).toBe('SELF_REVIEW');
    const { request: decided } = await vote(stack, 'bob', request);
    expect(decided?.state).toBe(RequestState.APPROVED);
  });

  it('who is no longer eligible counts no more: an approval by somebody who has left the group', async () => {
    const root = await stack.as('root');
    const dee = (parents: string[]) => ({
      entities: [{ uid: { type: 'User', id: 'dee' }, parents: parents.map((id) => ({ type: 'Group', id })) }],
    });
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-4' });
    await vote(stack, 'dee', request);
    await root.services.directory.applyEntities(dee(['staff']));
    const { request: half } = await vote(stack, 'bob', request);
    expect(half?.state).toBe(RequestState.PENDING);
    await root.services.directory.applyEntities(dee(['staff', 'security']));
    const { request: seen } = await root.services.grants
      .getAccessRequest({ id: request.id })
      .catch(async () => await (await stack.as('ada')).services.grants.getAccessRequest({ id: request.id }));
    expect(seen?.items[0]?.steps.map((step) => step.filledBy.length)).toEqual([1, 1]);
  });
});

describe('what a review is bound to', () => {
  it('W6 a forged or stale request_hash is refused and nothing is written', async () => {
    const request = await submitted(stack, 'ada');
    const other = await submitted(stack, 'ada', { seconds: 61 });
    const before = await countRows(stack);
    const flipped = request.requestHash.map((byte, index) => (index === 31 ? byte ^ 1 : byte));
    for (const requestHash of [flipped, new Uint8Array(32), other.requestHash]) {
      expect(await reasonOf(vote(stack, 'bob', { ...request, requestHash }))).toBe('REQUEST_HASH_MISMATCH');
    }
    for (const requestHash of [new Uint8Array(), new Uint8Array(31), new Uint8Array(33)]) {
      expect((await errorOf(vote(stack, 'bob', { ...request, requestHash }))).violations[0]?.field).toBe(
        'request_hash',
      );
    }
    expect(await countRows(stack)).toEqual(before);
    expect((await vote(stack, 'bob', request)).request?.state).toBe(RequestState.APPROVED);
  });

  it('W7 an approval is not good for another request, nor after a withdrawal', async () => {
    const first = await submitted(stack, 'ada');
    const second = await submitted(stack, 'ada');
    await (await stack.as('ada')).services.grants.withdrawAccessRequest({ id: first.id });
    expect(await reasonOf(vote(stack, 'bob', first))).toBe('REQUEST_NOT_PENDING');
    expect(await reasonOf(vote(stack, 'bob', { ...second, requestHash: first.requestHash }))).toBe(
      'REQUEST_HASH_MISMATCH',
    );
    const { grants } = await (await stack.as('ada')).services.grants.listGrants({
      subject: { type: 'User', id: 'ada' },
    });
    expect(grants.filter((grant) => [first.id, second.id].includes(grant.requestId))).toEqual([]);
  });

  it('is the request as submitted: its hash never changes', async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-5' });
    const { request: half } = await vote(stack, 'bob', request);
    const { request: full } = await vote(stack, 'dee', request);
    expect(half?.requestHash).toEqual(request.requestHash);
    expect(full?.requestHash).toEqual(request.requestHash);
  });
});

it('W10 deceptive, overlong and control-character texts are refused, others stored as given', async () => {
  const bad = [
    'a\u0000b',
    'a\nb',
    'a\u001b[31mb',
    'a\u0085b',
    'a\u202eb',
    'a\u2066b',
    'x'.repeat(2_001),
    'x'.repeat(10_000),
    '',
    '   ',
  ];
  const before = await countRows(stack);
  for (const reason of bad) {
    const error = await errorOf(submit(stack, 'ada', { reason }));
    expect([error.code, error.violations[0]?.field]).toEqual(['INVALID_ARGUMENT', 'reason']);
  }
  expect(await countRows(stack)).toEqual(before);
  for (const reason of [
    '<b>bold</b> & "quotes"',
    'naïve — 数据 🙂',
    'x'.repeat(2_000),
    '[a](http://b) =1+1',
  ]) {
    expect((await submitted(stack, 'ada', { reason })).reason).toBe(reason);
  }
});
