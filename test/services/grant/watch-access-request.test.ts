import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccessRequest, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { readRequest } from '../../../core/store/requests.ts';
import { RequestWatches } from '../../../services/grant/request-watches.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { errorOf, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const closing = new AbortController();
afterAll(() => closing.abort());

async function watched(who: string, { id }: AccessRequest) {
  const { grants } = (await stack.as(who)).services;
  const stream = grants.watchAccessRequest({ id }, { signal: closing.signal })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await stream.next();
    return done === true ? 'end' : (value as { request?: AccessRequest }).request; // what the stream yields
  };
}

const change = { actions: ['write'], ticket: 'CHG-1' };

it('a stream shows the request, each vote on it, and ends when it is decided', async () => {
  const request = await submitted(stack, 'ada', change);
  const next = await watched('ada', request);
  expect(await next()).toMatchObject({ id: request.id, state: RequestState.PENDING, reviews: [] });
  await vote(stack, 'bob', request);
  expect(await next()).toMatchObject({ reviews: [{ reviewer: { id: 'bob' } }] });
  await vote(stack, 'dee', request);
  expect(await next()).toMatchObject({ state: RequestState.APPROVED });
  expect(await next()).toBe('end');
});

it('a stream tells that time is up, though nobody wrote it down', async () => {
  const next = await watched('ada', await submitted(stack, 'ada', { actions: ['drop'] }));
  expect(await next()).toMatchObject({ state: RequestState.PENDING });
  expect(await next()).toMatchObject({ state: RequestState.EXPIRED });
});

it('a stream ends when its caller may see the request no longer', async () => {
  const { directory } = (await stack.as('root')).services;
  const uid = { type: 'User', id: 'sue' };
  await directory.applyEntities({ entities: [{ uid, parents: [{ type: 'Group', id: 'security' }] }] });
  const next = await watched('sue', await submitted(stack, 'ada', change));
  await next();
  const last = errorOf(next());
  await directory.applyEntities({ entities: [{ uid }] });
  expect((await last).reason).toBe('REQUEST_NOT_FOUND');
});

it('W9 what happens to a request is read once for all who watch it, and for nobody else', async () => {
  const read: string[] = [];
  const { followed, database } = stack.grant.context;
  const watches = new RequestWatches(followed, async (id) => {
    read.push(id);
    return await readRequest(database, id);
  });
  const [mine, other] = [await submitted(stack, 'ada', change), await submitted(stack, 'ada', change)];
  const caller = { type: 'User', id: 'ada' };
  const open = [mine, mine, other].map(({ id }) => watches.open(id, caller));
  const { signal } = closing;
  const woken = open.map((watch) => watch.next(signal, 600_000).then(async (again) => await again?.()));
  await vote(stack, 'bob', mine);
  const seen = await Promise.all(woken.slice(0, 2));
  expect(seen.map((request) => request?.reviews.length)).toEqual([1, 1]);
  expect(read).toEqual([mine.id]);
  // Directory, policies and locks concern everybody, and no request is another for them.
  const { directory } = (await stack.as('root')).services;
  await directory.applyEntities({ entities: [{ uid: { type: 'User', id: 'newcomer' } }] });
  expect(await woken[2]).toBeUndefined();
  expect(read).toEqual([mine.id]);
  for (const watch of open) watch.close();
});

it('W9 one caller has only so many streams, and again as many when they are closed', async () => {
  const watches = new RequestWatches(stack.grant.context.followed, () => Promise.resolve(undefined));
  const open = (id: string) => watches.open('a request', { type: 'User', id });
  const all = Array.from({ length: 100 }, () => open('ada'));
  expect(() => open('ada')).toThrow(/100 streams of requests of this caller/);
  open('bob').close();
  all[0]?.close();
  open('ada').close();
  await Promise.resolve();
});
