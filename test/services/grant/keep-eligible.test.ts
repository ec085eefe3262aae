import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EndReason } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { granted, grantOf } from './life.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-keep-eligible-'));
  await cp(LIFE, folder, { recursive: true });
  stack = await startStack({ policies: folder });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

it('one grant that cannot be ended keeps no other from being ended', { timeout: 30_000 }, async () => {
  const ids: string[] = [];
  for (let index = 0; index < 10; index += 1) ids.push(await granted(stack, 'auto-1', { seconds: 600 }));
  const [stuck = '', ...others] = ids;
  await stack.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stuck'; END $$`);
  await stack.query(`
    CREATE TRIGGER stuck BEFORE UPDATE ON grants FOR EACH ROW WHEN (OLD.id = '${stuck}') EXECUTE FUNCTION refuse()`);
  const file = join(folder, 'workflows', 'workflows.cedar');
  await writeFile(file, (await readFile(file, 'utf8')).replace('@id("auto")', '@id("another")'));
  const reasons = async () =>
    await Promise.all(others.map(async (id) => (await grantOf(stack, id)).endReason));
  await expect.poll(reasons, { timeout: 20_000 }).toEqual(others.map(() => EndReason.INELIGIBLE));
  await expect
    .poll(() => stack.logs.filter((line) => line.includes('1 grants could not be ended')).length, {
      timeout: 10_000,
    })
    .toBeGreaterThan(0);
  await stack.query('DROP TRIGGER stuck ON grants');
  await expect
    .poll(async () => (await grantOf(stack, stuck)).endReason, { timeout: 20_000 })
    .toBe(EndReason.INELIGIBLE);
});
