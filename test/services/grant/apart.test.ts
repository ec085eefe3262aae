import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, afterEach, beforeAll, expect, it } from 'vitest';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { countRows, errorOf, submitted, vote } from './ask.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-apart-'));
  await cp(OFFICE, folder, { recursive: true });
  const file = join(folder, 'workflows', 'workflows.cedar');
  await writeFile(file, (await readFile(file, 'utf8')).replace('@id("one")', '@id("one") @apart("24h")'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  stack = await startStack({ policies: folder });
});
afterEach(() => stack[Symbol.asyncDispose]());

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

it('W8 of two who approve each other at the same moment one is refused', async () => {
  const [mine, yours] = [await submitted(stack, 'cy'), await submitted(stack, 'bob')];
  const outcomes = await Promise.allSettled([vote(stack, 'bob', mine), vote(stack, 'cy', yours)]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});
