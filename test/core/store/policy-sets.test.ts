import { expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { listActivations, readPolicySet, writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition } from '../../../core/store/transition.ts';
import { migratedDatabase } from './database.ts';
import { activated } from './ledger-events.ts';

const digests = ['11', '22', '33'].map((byte) => byte.repeat(32));
const [first = '', second = '', third = ''] = digests;

test('the files of a set come back as they were written', async () => {
  const { open } = await migratedDatabase();
  const files = new Map([
    ['schema.cedarschema', 'entity User;'],
    ['access/a b.cedar', '@id("ö")\npermit (principal, action, resource);\r\n'],
    ['__proto__', 'a name like any other'],
    ['7', 'before the others in a JSON object'],
  ]);
  await activate(open('grant'), first, files);
  const read = await readPolicySet(open('decision'), first);
  expect(Object.fromEntries(read ?? [])).toEqual(Object.fromEntries(files));
  expect(read?.size).toBe(4);
});

test('a set that is activated again is kept once, as it was first written', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await activate(grant, first, new Map([['a', '1']]));
  await activate(grant, first, new Map([['a', '2']]));
  expect(await readPolicySet(open('decision'), first)).toEqual(new Map([['a', '1']]));
});

test('there is no set under a digest that was never written', async () => {
  const { open } = await migratedDatabase();
  expect(await readPolicySet(open('decision'), first)).toBeUndefined();
});

test('activations come newest first, page by page', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  for (const digest of digests) await activate(grant, digest, new Map());
  const page = (before: bigint | undefined) => listActivations(grant, { before, size: 2 });
  const newest = await page(undefined);
  expect(newest.map((it) => [it.revision, it.digest])).toEqual([
    [3n, third],
    [2n, second],
  ]);
  expect(newest[0]).toMatchObject({ at: activated().at, actor: activated().actor });
  expect((await page(2n)).map((it) => it.digest)).toEqual([first]);
  expect(await page(1n)).toEqual([]);
});

async function activate(grant: Database, digest: string, files: ReadonlyMap<string, string>): Promise<void> {
  const { basis_revision: basis } = await grant
    .selectFrom('ledger_head')
    .select('basis_revision')
    .executeTakeFirstOrThrow();
  await transition(grant, basis, async (trx) => {
    await writePolicySet(trx, digest, files);
    return { events: [activated(digest)], result: undefined };
  });
}
