import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { action, database, errorOf, reasonOf, submit } from './ask.ts';

const WORKFLOWS = `
@id("toner") @approvals("tall, short") @max("1h") @rank("1")
permit (principal in Group::"staff", action == Curfew::Action::"request", resource is Printer)
when { context.request.reason like "*toner*" };
@id("tall-approve") @step("tall")
permit (principal is User, action == Curfew::Action::"approve", resource is Printer) when { context.request.reason like "*tall*" };
@id("short-approve") @step("short")
permit (principal in Group::"keepers", action == Curfew::Action::"approve", resource is Printer);
@id("terse") @approvals("printer-keeper") @max("1h") @rank("2") @reason("INC-[0-9]+")
permit (principal in Group::"staff", action == Curfew::Action::"request", resource is Printer)
when { context.request.reason like "*secret*" };
`;
const PEOPLE = 2_100;

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-people-'));
  await cp(OFFICE, folder, { recursive: true });
  await appendFile(join(folder, 'workflows/workflows.cedar'), WORKFLOWS);
  stack = await startStack({ policies: folder });
  const root = await stack.as('root');
  const keepers = [{ type: 'Group', id: 'keepers' }];
  await root.services.directory.applyEntities({
    entities: [{ uid: { type: 'User', id: 'kim' }, parents: keepers }],
  });
  for (let start = 0; start < PEOPLE; start += 700) {
    const entities = Array.from({ length: 700 }, (_, index) => ({
      uid: { type: 'User', id: `person-${start + index}` },
      parents: [{ type: 'Group', id: 'staff' }],
    }));
    await root.services.directory.applyEntities({ entities });
  }
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const printer = { type: 'Printer', id: 'inky' };

async function preview(who: string, reason: string) {
  const { grants } = (await stack.as(who)).services;
  return await grants.requestAccess({
    items: [{ resource: printer, actions: [action('feed')] }],
    duration: { seconds: 60n },
    reason,
    validateOnly: true,
  });
}

it('a preview examines so many people at most, and says that there may be more', async () => {
  const { request, warnings } = await preview('eve', 'toner');
  expect(request?.items[0]?.steps.map(({ name }) => name)).toEqual(['tall', 'short']);
  expect(request?.items[0]?.steps[0]?.candidates).toBe(0);
  expect(warnings).toEqual([expect.stringContaining('not everybody')]);
});

it('a preview stops to look for a step at 20, and still counts those of the others', async () => {
  const { request, warnings } = await preview('eve', 'toner, tall');
  const counts = request?.items[0]?.steps.map(({ candidates }) => candidates);
  expect(counts?.[0]).toBe(20);
  expect(counts?.[1]).toBeGreaterThan(0);
  expect(warnings).toEqual([]);
});

it('a submission looks at everybody before it is refused as unanswerable, and other calls are answered meanwhile', async () => {
  const order: string[] = [];
  const refused = reasonOf(
    submit(stack, 'eve', { resource: printer, actions: ['feed'], reason: 'toner' }),
  ).then((reason) => order.push(reason));
  const ada = (await stack.as('ada')).services.grants;
  await ada.listGrants({}).then(() => order.push('listed'));
  await refused;
  expect(order).toEqual(['listed', 'UNANSWERABLE']);
});

it('a reason that a workflow does not take is not told again', async () => {
  const item = { resource: printer, actions: ['feed'] };
  const error = await errorOf(submit(stack, 'eve', { ...item, reason: 'a secret' }));
  expect(error.violations[0]?.field).toBe('reason');
  expect(error.message).toContain('8 characters');
  expect(error.message).not.toContain('secret');
});

it('a preview tells what the subject holds only to whoever may know it', async () => {
  await submit(stack, 'ada', { resource: database('scratch') });
  const warningsFor = async (who: string) => {
    const { grants } = (await stack.as(who)).services;
    const { warnings } = await grants.requestAccess({
      items: [{ resource: database('scratch'), actions: [action('read')] }],
      duration: { seconds: 60n },
      reason: 'x',
      validateOnly: true,
    });
    return warnings;
  };
  expect(await warningsFor('ada')).toEqual([expect.stringContaining('you already hold Action::"read"')]);
  expect(await warningsFor('bob')).toEqual([]);
});
