import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerResolver } from '../../../core/replica/resolve-caller.ts';
import { RequestState, Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { countRows, reasonOf, submitted, vote } from './ask.ts';
import { group, user } from './lock-calls.ts';

const service = (id: string) => ({ type: 'Service', id });

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  // In security, whose approve permit names no kind of principal; dee is the id of a person too.
  const entities = [
    { uid: service('bot'), parents: [group('security')] },
    { uid: service('dee'), parents: [group('security')] },
  ];
  await (await stack.as('root')).services.directory.applyEntities({ entities });
});
afterAll(() => stack[Symbol.asyncDispose]());

describe('a service to which a permit would give the step', () => {
  const asked = { actions: ['write'], ticket: 'CHG-1' };

  it.for([
    ['bot', Verdict.APPROVE],
    ['bot', Verdict.DENY],
    ['dee', Verdict.APPROVE],
    ['dee', Verdict.DENY],
  ] as const)('W17 %s may not cast the verdict %i', async ([id, verdict]) => {
    const request = await submitted(stack, 'ada', asked);
    const { grants } = (await stack.as(id, 'Service')).services;
    const before = await countRows(stack);
    const cast = grants.reviewAccessRequest({ id: request.id, requestHash: request.requestHash, verdict });
    expect(await reasonOf(cast)).toBe('NOT_A_REVIEWER');
    expect(await countRows(stack)).toEqual(before);
  });

  it('W17 is offered no request to review and no action on one', async () => {
    const { id } = await submitted(stack, 'ada', asked);
    const { grants } = (await stack.as('bot', 'Service')).services;
    expect((await grants.listAccessRequests({ toReview: true })).requests).toEqual([]);
    expect((await grants.getAccessRequest({ id })).request?.allowedActions).toEqual([]);
  });

  it('W17 does not keep a person of that permit from reviewing', async () => {
    const request = await submitted(stack, 'ada', asked);
    await vote(stack, 'bob', request);
    expect((await vote(stack, 'dee', request)).request?.state).toBe(RequestState.APPROVED);
  });
});

it('W17 a request of a service is not approved by that service', async () => {
  const grants = (await stack.as('bot', 'Service')).services.grants;
  const { request } = await grants.requestAccess({
    items: [{ resource: { type: 'Database', id: 'orders' }, actions: [{ type: 'Action', id: 'read' }] }],
    duration: { seconds: 60n },
    reason: 'to copy it',
  });
  const { id = '', requestHash = new Uint8Array() } = request ?? {};
  const cast = grants.reviewAccessRequest({ id, requestHash, verdict: Verdict.APPROVE });
  expect(await reasonOf(cast)).toBe('SELF_REVIEW');
});

it('W17 a certificate names a service and never a person, though a person has that id', () => {
  const resolve = callerResolver(stack.grant.context.followed);
  expect(resolve({ id: 'bob', by: 'certificate' })).toBeUndefined();
  expect(resolve({ id: 'bob', type: 'User', by: 'certificate' })).toBeUndefined();
  expect(resolve({ id: 'dee', by: 'certificate' })).toEqual(service('dee'));
  expect(resolve({ id: 'bob', by: 'token' })).toEqual(user('bob'));
});
