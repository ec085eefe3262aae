import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EntityUid, uidKey } from '../../../core/access/entity.ts';
import { pendingItems } from '../../../core/access/request.ts';
import { clockOfReads } from '../../../services/grant/context.ts';
import { listRequestable } from '../../../services/grant/list-requestable.ts';
import { fillableSteps } from '../../../services/grant/rights.ts';
import { listRequests } from '../../../core/store/list-requests.ts';
import { toProtoUid } from '../../../core/rpc/uid.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, submitted } from './ask.ts';

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function peopleOf(stack: Stack): readonly EntityUid[] {
  const { directory, engine } = stack.grant.context.followed.replica;
  const types = engine.policies.schema.personTypes;
  return Array.from(directory.all(), ({ uid }) => uid).filter(({ type }) => types.includes(type));
}

/** Everybody asks for everything that they could, as far as anybody can answer. */
async function askForEverything(stack: Stack): Promise<void> {
  for (const caller of peopleOf(stack)) {
    const filter = { caller, search: '', action: undefined, type: '' };
    const page = { after: '', size: 500 };
    const signal = AbortSignal.timeout(30_000);
    const { found } = await listRequestable(stack.grant.context, filter, page, signal);
    const { grants } = (await stack.as(caller.id, caller.type)).services;
    for (const { resource, actions } of found)
      for (const { action, workflows } of actions)
        for (const { id: workflow } of workflows)
          await grants
            .requestAccess({
              items: [{ resource: toProtoUid(resource), actions: [toProtoUid(action)], workflow }],
              reason: 'because it has to be looked at today',
              ticket: 'CHG-1',
            })
            .catch(() => undefined); // somebody for whom nobody could answer
  }
}

/** By asking about each pending request, as the list would without an index. */
async function reviewable(stack: Stack, caller: EntityUid): Promise<readonly string[]> {
  const { context } = stack.grant;
  const now = clockOfReads(context);
  const everything = { before: undefined, size: 10_000 };
  const filter = { party: undefined, states: ['PENDING'], now } as const;
  const { rows } = await listRequests(context.database, filter, everything);
  return rows
    .map(({ request }) => request)
    .filter((request) =>
      pendingItems(request, now).some(
        (item) =>
          fillableSteps(context.followed.replica, request, item, { reviewer: caller }, now).length > 0,
      ),
    )
    .map(({ id }) => id);
}

async function toReview(stack: Stack, { id, type }: EntityUid): Promise<readonly string[]> {
  const { grants } = (await stack.as(id, type)).services;
  const found: string[] = [];
  let pageToken = '';
  do {
    const page = await grants.listAccessRequests({ toReview: true, pageSize: 20, pageToken });
    found.push(...page.requests.map((request) => request.id));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

describe.each([
  ['the example organisation', folder('../../../policies'), 'User', 5],
  ['a domain that shares no name with it', folder('../../support/hospital'), 'Clinic::Practitioner', 5],
])('in %s', (_, policies, personType, leastReviewers) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ policies, personType });
    await askForEverything(stack);
  }, 240_000);
  afterAll(() => stack[Symbol.asyncDispose]());

  it('everybody finds exactly what they may review, newest first', async () => {
    let reviewers = 0;
    for (const person of peopleOf(stack)) {
      const found = await toReview(stack, person);
      expect(found, uidKey(person)).toEqual(await reviewable(stack, person));
      if (found.length > 0) reviewers += 1;
    }
    expect(reviewers).toBeGreaterThanOrEqual(leastReviewers);
  });
});

describe('in a company that changes', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack[Symbol.asyncDispose]());
  const eve = { type: 'User', id: 'eve' };

  async function apply(uid: EntityUid, rest: object): Promise<void> {
    const root = await stack.as('root');
    await root.services.directory.applyEntities({ entities: [{ uid, ...rest }] });
  }

  it('who becomes or is no longer an owner or a member finds more or less at once', async () => {
    const request = await submitted(stack, 'ada', { actions: ['read', 'write'], ticket: 'CHG-1' });
    const owned = (...ids: readonly string[]) => ({
      attributes: {
        owners: {
          kind: {
            case: 'setValue',
            value: {
              values: ids.map((id) => ({ kind: { case: 'entityValue', value: { type: 'User', id } } })),
            },
          },
        },
      },
      parents: [{ type: 'Environment', id: 'prod' }],
    });
    const inside = (...ids: readonly string[]) => ({ parents: ids.map((id) => ({ type: 'Group', id })) });
    expect(await toReview(stack, eve)).toEqual([]);
    await apply(database('orders'), owned('eve', 'bob'));
    expect(await toReview(stack, eve)).toEqual([request.id]);
    await apply(database('orders'), owned('bob'));
    expect(await toReview(stack, eve)).toEqual([]);
    await apply(eve, inside('staff', 'security'));
    expect(await toReview(stack, eve)).toEqual([request.id]);
    await apply(eve, inside('staff'));
    expect(await toReview(stack, eve)).toEqual([]);
  });
});
