import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, afterEach, beforeAll, expect, it } from 'vitest';
import {
  type AccessRequest,
  RequestAction,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, submitted, vote } from './ask.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-apart-'));
  await cp(OFFICE, folder, { recursive: true });
  await change(join(folder, 'workflows', 'workflows.cedar'), '@id("one")', '@id("one") @apart("24h")');
  await change(join(folder, 'workflows', 'workflows.cedar'), '@id("robots")', '@id("robots") @apart("24h")');
  await change(join(folder, 'schema.cedarschema'), 'manager?: User', 'manager?: User, person?: String');
  await change(
    join(folder, 'schema.cedarschema'),
    'Service in [Group];',
    'Service in [Group] = { owner?: User };',
  );
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  stack = await startStack({ policies: folder });
});
afterEach(() => stack[Symbol.asyncDispose]());

async function change(file: string, from: string, to: string): Promise<void> {
  await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
}

it('W8 whoever was approved by the requester within the time of @apart does not approve in return', async () => {
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  const back = await submitted(stack, 'bob');
  const before = await countRows(stack);
  const error = await errorOf(vote(stack, 'cy', back));
  expect(error.reason).toBe('NOT_A_REVIEWER');
  expect(error.message).toMatch(/approved a request of yours within 24h|within 1d/);
  expect(await countRows(stack)).toEqual(before);
  expect((await vote(stack, 'cy', back, 'deny')).request?.state).toBe(RequestState.DENIED);
});

it('W8 once that time has passed they may again', async () => {
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  await stack.query(`UPDATE reviews SET created_at = created_at - INTERVAL '24 hours'`);
  const back = await submitted(stack, 'bob');
  expect((await vote(stack, 'cy', back)).request?.state).toBe(RequestState.APPROVED);
});

async function offered(who: string, id: string) {
  const { grants } = (await stack.as(who)).services;
  const { request } = await grants.getAccessRequest({ id });
  const { requests } = await grants.listAccessRequests({ toReview: true });
  const { requests: all } = await grants.listAccessRequests({});
  const ofItems = (of: AccessRequest | undefined) => of?.items.map((item) => item.allowedActions);
  const listed = all.find((it) => it.id === id);
  expect(ofItems(listed)).toEqual(ofItems(request));
  return {
    actions: request?.allowedActions,
    items: ofItems(request),
    isToReview: requests.some((it) => it.id === id),
  };
}

const REVIEWABLE = { actions: [RequestAction.REVIEW], items: [[RequestAction.REVIEW]], isToReview: true };
const NOTHING = { actions: [], items: [[]], isToReview: false };

it('W8 a review in return is not offered until the time of @apart has passed, and others go on', async () => {
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  const back = await submitted(stack, 'bob');
  const others = await submitted(stack, 'ada');
  expect(await offered('cy', back.id)).toEqual(NOTHING);
  expect(await offered('cy', others.id)).toEqual(REVIEWABLE);
  await stack.query(`UPDATE reviews SET created_at = created_at - INTERVAL '24 hours'`);
  expect(await offered('cy', back.id)).toEqual(REVIEWABLE);
});

it('W8 two accounts of one person are kept apart as one, on either side', async () => {
  const { directory } = (await stack.as('root')).services;
  const account = (id: string, person: string, ...groups: readonly string[]) => ({
    uid: { type: 'User', id },
    attributes: { person: { kind: { case: 'stringValue' as const, value: person } } },
    parents: groups.map((group) => ({ type: 'Group', id: group })),
  });
  const owners = {
    kind: { case: 'setValue' as const, value: { values: ['bob', 'cy', 'bob-too', 'cy-too'].map(owner) } },
  };
  await directory.applyEntities({
    entities: [
      account('bob', 'Robert', 'staff'),
      account('bob-too', 'Robert', 'staff'),
      account('cy', 'Cyril', 'staff'),
      account('cy-too', 'Cyril', 'staff'),
      {
        uid: { type: 'Database', id: 'orders' },
        attributes: { ...(await attributesOf('orders')), owners },
        parents: [{ type: 'Environment', id: 'prod' }],
      },
    ],
  });
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  for (const asking of ['bob', 'bob-too']) {
    const back = await submitted(stack, asking);
    for (const reviewer of ['cy', 'cy-too']) {
      expect(await offered(reviewer, back.id)).toEqual(NOTHING);
      expect((await errorOf(vote(stack, reviewer, back))).reason).toBe('NOT_A_REVIEWER');
    }
  }
});

function owner(id: string) {
  return { kind: { case: 'entityValue' as const, value: { type: 'User', id } } };
}

async function attributesOf(id: string) {
  const { directory } = (await stack.as('root')).services;
  const { entity } = await directory.getEntity({ uid: { type: 'Database', id } });
  return entity?.attributes;
}

it('W8 whoever answers for a service is kept apart from whom they approved it for, on either side', async () => {
  const robot = await stack.as('robot', 'Service');
  const asked = async (reason: string) =>
    (
      await robot.services.grants.requestAccess({
        items: [{ resource: database('orders'), actions: [action('read')] }],
        duration: { seconds: 60n },
        reason,
      })
    ).request as AccessRequest; // an answer has one
  await ownRobot('bob');
  // cy lets bob's robot in, and bob lets cy in.
  await vote(stack, 'cy', await asked('once'));
  const back = await submitted(stack, 'cy');
  expect(await offered('bob', back.id)).toEqual(NOTHING);
  expect((await errorOf(vote(stack, 'bob', back))).reason).toBe('NOT_A_REVIEWER');
  // The other way round: bob is let in by cy, whose robot it is by now.
  await stack.query(`UPDATE reviews SET created_at = created_at - INTERVAL '24 hours'`);
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  await ownRobot('bob');
  const again = await asked('again');
  expect(await offered('cy', again.id)).toEqual(NOTHING);
  expect((await errorOf(vote(stack, 'cy', again))).reason).toBe('NOT_A_REVIEWER');
});

async function ownRobot(id: string): Promise<void> {
  const { directory } = (await stack.as('root')).services;
  const uid = { type: 'Service', id: 'robot' };
  const { entity } = await directory.getEntity({ uid });
  await directory.applyEntities({
    entities: [{ uid, parents: entity?.parents ?? [], attributes: { owner: owner(id) } }],
  });
}

it('W8 an item whose workflow keeps nobody apart is approved, though another of its request does', async () => {
  await vote(stack, 'bob', await submitted(stack, 'cy'));
  const asks = (await stack.as('bob')).services.grants;
  const { request } = await asks.requestAccess({
    items: [database('orders'), { type: 'Environment', id: 'prod' }].map((resource) => ({
      resource,
      actions: [action('read')],
    })),
    duration: { seconds: 60n },
    reason: 'both',
  });
  const id = request?.id ?? '';
  expect((await offered('cy', id)).items).toEqual([[], [RequestAction.REVIEW]]);
  const reviews = (await stack.as('cy')).services.grants;
  const approval = { id, requestHash: request?.requestHash ?? new Uint8Array(), verdict: Verdict.APPROVE };
  const refused = await errorOf(reviews.reviewAccessRequest({ ...approval, items: [0, 1] }));
  expect(refused.message).toMatch(/items\[0\].*@apart/);
  const { request: done } = await reviews.reviewAccessRequest(approval);
  expect(done?.items.map(({ state }) => state)).toEqual([RequestState.PENDING, RequestState.APPROVED]);
});

it('the terms of a workflow say whom it keeps apart, before anything is asked for', async () => {
  const client = await stack.as('cy');
  const { request } = await client.services.grants.requestAccess({
    items: [{ resource: database('orders'), actions: [action('read')] }],
    reason: 'to see',
    validateOnly: true,
  });
  expect(request?.items[0]?.workflow?.apart?.seconds).toBe(86_400n);
});

it('W8 of two who approve each other at the same moment one is refused', async () => {
  const [mine, yours] = [await submitted(stack, 'cy'), await submitted(stack, 'bob')];
  const outcomes = await Promise.allSettled([vote(stack, 'bob', mine), vote(stack, 'cy', yours)]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});
