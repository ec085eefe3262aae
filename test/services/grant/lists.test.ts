import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAccessRequests } from '../../../services/grant/list-access-requests.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, grantIdOf, submit, submitted } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const user = (id: string) => ({ type: 'User', id });

/** Copies of the request, newer than it. */
async function copies(id: string, count: number): Promise<void> {
  await stack.query(
    `WITH copied AS (
      INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at, resolved_at)
      SELECT gen_random_uuid(), requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at, resolved_at
      FROM access_requests, generate_series(1, $2::int) WHERE id = $1 RETURNING id)
    INSERT INTO request_items SELECT copied.id, item.item, item.resource, item.actions, item.workflow, item.state, item.expires_at,
      item.resolved_at, item.denied_because FROM copied, request_items item WHERE item.request_id = $1`,
    [id, count],
  );
}

it('a page has the revision at which each of its requests and grants began', async () => {
  const first = await submit(stack, 'ada', { resource: database('scratch') });
  const second = await submitted(stack, 'ada');
  const client = (await stack.as('ada')).services.grants;
  const { requests } = await client.listAccessRequests({ pageSize: 500 });
  expect(requests.map(({ id, revision }) => [id, revision])).toEqual([
    [second.id, second.revision],
    [first.request?.id, first.request?.revision],
  ]);
  const { grants } = await client.listGrants({ pageSize: 500 });
  expect(grants.map(({ id, revision }) => [id, revision])).toEqual([
    [grantIdOf(first.request), first.revision],
  ]);
});

it('who may see next to nothing gets short pages that go on where the one before stopped, and in the end what they may see', async () => {
  const ofAda = await submitted(stack, 'ada');
  await copies(ofAda.id, 1_200);
  const client = (await stack.as('eve')).services.grants;
  const forEve = await submitted(stack, 'eve', { resource: database('scratch') });
  await copies(ofAda.id, 1_200);
  const seen: string[] = [];
  let pages = 0;
  let pageToken = '';
  do {
    const page = await client.listAccessRequests({ pageSize: 10, pageToken });
    seen.push(...page.requests.map(({ id }) => id));
    pageToken = page.nextPageToken;
    pages += 1;
  } while (pageToken !== '');
  expect(seen).toEqual([forEve.id]);
  // 2,400 rows that she may not see, 2,000 a page at most.
  expect(pages).toBeGreaterThanOrEqual(2);
});

it('a list that nobody waits for any more is given up', async () => {
  const filter = { caller: user('eve'), states: [], mine: false, toReview: false };
  const gone = AbortSignal.abort(new Error('the client cancelled'));
  const page = { before: undefined, size: 10 };
  await expect(listAccessRequests(stack.grant.context, filter, page, gone)).rejects.toThrow(
    'the client cancelled',
  );
});

it('a list knows the rights that were given before it was called', async () => {
  const request = await submitted(stack, 'ada', { resource: database('scratch') });
  const client = (await stack.as('eve')).services.grants;
  const root = await stack.as('root');
  const parents = ['staff', 'security'].map((id) => ({ type: 'Group', id }));
  await root.services.directory.applyEntities({ entities: [{ uid: user('eve'), parents }] });
  const listed = await client.listAccessRequests({ pageSize: 1 });
  expect(listed.requests.map(({ id }) => id)).toEqual([request.id]);
  expect((await client.listGrants({ pageSize: 1 })).grants.map(({ id }) => id)).toEqual([grantIdOf(request)]);
});

it('a repeated call answers the revision that the first one made, with the start of its grant', async () => {
  const client = (await stack.as('ada')).services.grants;
  const call = {
    items: [{ resource: database('scratch'), actions: [{ type: 'Action', id: 'read' }] }],
    duration: { seconds: 60n },
    reason: 'x',
    idempotencyKey: 'again',
  };
  const first = await client.requestAccess(call);
  await client.releaseGrant({ id: grantIdOf(first.request) });
  const again = await client.requestAccess(call);
  expect([again.request?.id, again.revision]).toEqual([first.request?.id, first.revision]);
});
