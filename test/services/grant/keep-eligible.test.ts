import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EndReason } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database } from './ask.ts';
import { granted, grantOf } from './life.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-keep-eligible-'));
  await cp(LIFE, folder, { recursive: true });
  stack = await startStack({ policies: folder });
  await stack.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stuck'; END $$`);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function keepFromEnding(id: string): Promise<void> {
  await stack.query(`
    CREATE TRIGGER stuck BEFORE UPDATE ON grants FOR EACH ROW WHEN (OLD.id = '${id}') EXECUTE FUNCTION refuse()`);
}

async function untilIneligible(id: string): Promise<void> {
  await expect
    .poll(async () => (await grantOf(stack, id)).endReason, { timeout: 60_000 })
    .toBe(EndReason.INELIGIBLE);
}

it('a change of the directory is answered as made, though a grant that it ends cannot be ended yet', {
  timeout: 120_000,
}, async () => {
  const id = await granted(stack, 'auto-2', { seconds: 600 });
  await keepFromEnding(id);
  const { directory } = (await stack.as('root')).services;
  const uid = database('auto-2');
  const owners = { kind: { case: 'setValue' as const, value: { values: [] } } };
  const entities = [{ uid, attributes: { owners }, parents: [{ type: 'Environment', id: 'plain' }] }];
  expect((await directory.applyEntities({ entities })).endedGrantIds).toEqual([]);
  await stack.query('DROP TRIGGER stuck ON grants');
  await untilIneligible(id);
});

it('one grant that cannot be ended keeps no other from being ended', { timeout: 120_000 }, async () => {
  const ids: string[] = [];
  for (let index = 0; index < 10; index += 1) ids.push(await granted(stack, 'auto-1', { seconds: 600 }));
  const [stuck = '', ...others] = ids;
  await keepFromEnding(stuck);
  const file = join(folder, 'workflows', 'workflows.cedar');
  await writeFile(file, (await readFile(file, 'utf8')).replace('@id("auto")', '@id("another")'));
  const reasons = async () =>
    await Promise.all(others.map(async (id) => (await grantOf(stack, id)).endReason));
  await expect.poll(reasons, { timeout: 60_000 }).toEqual(others.map(() => EndReason.INELIGIBLE));
  await expect
    .poll(() => stack.logs.filter((line) => line.includes('1 grants could not be ended')).length, {
      timeout: 120_000,
    })
    .toBeGreaterThan(0);
  await stack.query('DROP TRIGGER stuck ON grants');
  await untilIneligible(stuck);
});
