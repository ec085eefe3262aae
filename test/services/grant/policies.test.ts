import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { database, reasonOf, submitted, vote } from './ask.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-policies-'));
  await cp(OFFICE, folder, { recursive: true });
  stack = await startStack({ policies: folder });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const ping = { principal: { type: 'User', id: 'ada' }, action: 'ping', resource: database('orders') };
const policies = async (who: string) => (await stack.as(who)).services.policies;

async function digestInForce(): Promise<string> {
  return (await (await stack.as('ada')).services.decision.getStatus({})).policyDigest;
}

it('a changed file is in force in every service without a restart, and a bad one leaves the last good set', async () => {
  const ada = await stack.as('ada');
  const first = await digestInForce();
  expect((await ada.authorize(ping)).effect).toBe('allow');

  await writeFile(
    join(folder, 'guardrails', 'freeze.cedar'),
    '@id("freeze")\nforbid (principal, action, resource);\n',
  );
  await expect.poll(async () => (await ada.authorize(ping)).effect, { timeout: 60_000 }).toBe('deny');
  const frozen = await digestInForce();
  expect(frozen).not.toBe(first);

  await writeFile(
    join(folder, 'guardrails', 'freeze.cedar'),
    '@id("freeze")\nforbid (principal, action, resource) when { context has grannt };\n',
  );
  await writeFile(
    join(folder, 'access', 'more.cedar'),
    '@id("jit")\npermit (principal, action, resource);\n',
  );
  const refusals = () =>
    stack.logs.filter((line) => line.includes('freeze.cedar:1:1') && line.includes('more.cedar:1:1'));
  await expect.poll(() => refusals().length, { timeout: 60_000 }).toBe(1);
  expect(await digestInForce()).toBe(frozen);
  expect((await ada.authorize(ping)).effect).toBe('deny');
  await rm(join(folder, 'access', 'more.cedar'));
  await rm(join(folder, 'guardrails', 'freeze.cedar'));
  await expect.poll(async () => (await ada.authorize(ping)).effect, { timeout: 60_000 }).toBe('allow');
  expect(await digestInForce()).toBe(first);
  const { policySets } = await (await policies('root')).listPolicySets({});
  expect(policySets.map((set) => set.digest)).toEqual([first, frozen, first]);
});

it('an entity added to directory.json is known without a restart', async () => {
  const path = join(folder, 'directory.json');
  const entities = JSON.parse(await readFile(path, 'utf8')) as object[];
  entities.push({ uid: { type: 'User', id: 'new' }, attrs: {}, parents: [{ type: 'Group', id: 'staff' }] });
  await writeFile(path, JSON.stringify(entities));
  const newcomer = await stack.as('new');
  await expect
    .poll(
      () =>
        newcomer.services.directory.getEntity({}).then(
          () => true,
          () => false,
        ),
      { timeout: 60_000 },
    )
    .toBe(true);
});

it('sets are read with their files by those who audit or administer, and by nobody else', async () => {
  const { policySet } = await (await policies('root')).getPolicySet({});
  expect(policySet?.digest).toBe(await digestInForce());
  expect(Object.keys(policySet?.files ?? {})).toContain('workflows/workflows.cedar');
  expect(await reasonOf((await policies('ada')).getPolicySet({}))).toBe('NOT_PERMITTED');
  expect(await reasonOf((await policies('root')).getPolicySet({ digest: '0'.repeat(64) }))).toBe(
    'POLICY_SET_NOT_FOUND',
  );
});

it('the ledger is listed and verified by auditors only, and says what happened in order', async () => {
  const request = await submitted(stack, 'ada');
  await vote(stack, 'bob', request);
  const ledger = (await stack.as('root')).services.ledger;
  const { events } = await ledger.listEvents({ requestId: request.id });
  expect(events.map((event) => event.kind)).toEqual([
    'GRANT_STARTED',
    'REQUEST_REVIEWED',
    'REQUEST_SUBMITTED',
  ]);
  expect(events.map((event) => event.actor)).toEqual([
    'Curfew::System::"curfew"',
    'User::"bob"',
    'User::"ada"',
  ]);
  const verified = await ledger.verifyLedger({});
  expect([verified.intact, verified.faults]).toEqual([true, []]);
  expect(verified.lastRevision).toBeGreaterThanOrEqual(events[0]?.revision ?? 1n);
  expect(await reasonOf((await stack.as('ada')).services.ledger.listEvents({}))).toBe('NOT_PERMITTED');
  expect(await reasonOf((await stack.as('ada')).services.ledger.verifyLedger({}))).toBe('NOT_PERMITTED');
});
