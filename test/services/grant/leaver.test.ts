import { afterAll, beforeAll, expect, it } from 'vitest';
import { Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { group, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

async function hire(id: string): Promise<void> {
  const root = await stack.as('root');
  await root.services.directory.applyEntities({ entities: [{ uid: user(id), parents: [group('staff')] }] });
}

async function effect(id: string, atLeastRevision: bigint): Promise<string> {
  const robot = await stack.as('robot', 'Service');
  const question = { principal: user(id), action: 'read', resource: database('orders'), atLeastRevision };
  return (await robot.authorize(question)).effect;
}

/** Somebody who may read orders, and is in fact let in. */
async function holder(id: string): Promise<void> {
  await hire(id);
  const { request, revision } = await vote(stack, 'bob', await submitted(stack, id));
  grantIdOf(request);
  expect(await effect(id, revision)).toBe('allow');
}

it('N5 a leaver is let in nowhere from the revision at which they were taken out, though their token is still good', async () => {
  await holder('lena');
  const dee = await stack.as('dee');
  const { revision } = await dee.services.locks.offboardPrincipal({
    principal: user('lena'),
    reason: 'left',
  });
  expect(await effect('lena', revision)).toBe('deny');
  expect(await reasonOf(submit(stack, 'lena'))).toBe('LOCKED');
});

it('N5 whoever is deleted from the directory is nobody, though their token is still good', async () => {
  await holder('liam');
  const root = await stack.as('root');
  const { revision } = await root.services.directory.deleteEntities({ uids: [user('liam')] });
  expect(await effect('liam', revision)).toBe('deny');
  expect(await reasonOf(submit(stack, 'liam'))).toBe('CALLER_UNKNOWN');
});

it('N5 the groups that a token claims count for nothing', async () => {
  const claims = { groups: ['security', 'admins', 'Group::"security"'], roles: ['security'] };
  const eve = (await stack.withClaims('eve', claims)).services;
  const request = await submitted(stack, 'ada');
  const { id, requestHash } = request;
  expect(await reasonOf(eve.grants.getAccessRequest({ id }))).toBe('REQUEST_NOT_FOUND');
  expect(await reasonOf(eve.grants.reviewAccessRequest({ id, requestHash, verdict: Verdict.APPROVE }))).toBe(
    'REQUEST_NOT_FOUND',
  );
  expect(await reasonOf(eve.locks.createLock({ entity: user('ada'), reason: 'x' }))).toBe('NOT_PERMITTED');
});
