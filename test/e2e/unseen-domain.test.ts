import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EntityName, extension } from '../../clients/sdk/index.ts';
import { type AccessRequest, RequestState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../support/stack.ts';

const HOSPITAL = fileURLToPath(new URL('../support/hospital', import.meta.url));
const PERSON = 'Clinic::Practitioner';
const ZOE = 'Zoë Łukasiewicz';
const ATTENDING = 'Bjørn "Doc" Ødegård';

let stack: Stack;
/** Of the last review: decisions must have seen it. */
let lastRevision = 0n;
beforeAll(async () => {
  stack = await startStack({ policies: HOSPITAL, personType: PERSON });
});
afterAll(() => stack[Symbol.asyncDispose]());

const record = (id: string): EntityName => ({ type: 'Clinic::Record', id });
const clinicAction = (id: string): EntityName => ({ type: 'Clinic::Action', id });

async function approve(who: string, request: AccessRequest | undefined): Promise<AccessRequest | undefined> {
  const client = await stack.as(who);
  const { id = '', requestHash = new Uint8Array() } = request ?? {};
  const { request: reviewed, revision } = await client.services.grants.reviewAccessRequest({
    id,
    requestHash,
    verdict: 1,
  });
  lastRevision = revision;
  return reviewed;
}

/** Asks as the chart terminal, which may ask about everybody. */
async function effect(principal: string, action: string, resource: EntityName): Promise<string> {
  const terminal = await stack.as('chart/terminal #1', 'Clinic::Device');
  const decision = await terminal.authorize({
    principal: { type: PERSON, id: principal },
    action: clinicAction(action),
    resource,
    context: { address: extension('ip', '10.20.2.3') },
    atLeastRevision: lastRevision,
  });
  return decision.effect;
}

it('a two-step workflow with two seats in one step grants when three distinct people agree', async () => {
  const sealed = record('2026/0004');
  const zoe = await stack.as(ZOE);
  expect(await effect(ZOE, 'view', sealed)).toBe('deny');
  const { request } = await zoe.requestAccess({
    items: [{ resource: sealed, actions: [clinicAction('view')] }],
    durationMs: 600_000,
    reason: 'second opinion on an unclear finding',
  });
  expect(request?.items[0]?.workflow?.id).toBe('consult sealed');
  expect((await approve(ATTENDING, request))?.state).toBe(RequestState.PENDING);
  expect((await approve('Ngọc Anh Trần', request))?.state).toBe(RequestState.PENDING);
  expect((await approve('Иван Петров', request))?.state).toBe(RequestState.APPROVED);
  expect(await effect(ZOE, 'view', sealed)).toBe('allow');
  expect(await effect('Fatou N’Diaye', 'view', sealed)).toBe('deny');
});

it('a grant on a container covers what is inside it, and nothing outside', async () => {
  const maire = "Máire O'Neill";
  const client = await stack.as(maire);
  const { request } = await client.requestAccess({
    items: [{ resource: { type: 'Clinic::Ward', id: 'Intensive care' }, actions: [clinicAction('view')] }],
    durationMs: 600_000,
    reason: 'night shift',
  });
  expect(request?.items[0]?.memberCount).toBe(5n);
  let decided = request;
  for (const head of ['佐藤 花子', 'Amina bint Yusuf']) {
    if (decided?.state !== RequestState.PENDING) break;
    decided = await approve(head, request).catch(() => decided);
  }
  expect(decided?.state).toBe(RequestState.APPROVED);
  expect(await effect(maire, 'view', record('2026/0001'))).toBe('allow');
  expect(await effect(maire, 'view', record('2026/0006'))).toBe('deny');
});

it('an action group is requested and its members are granted', async () => {
  const zoe = await stack.as(ZOE);
  const preview = await zoe.requestAccess({
    items: [{ resource: record('2026/0001'), actions: [clinicAction('treat')] }],
    reason: 'ward round',
    validateOnly: true,
  });
  expect(preview.request?.items[0]?.actions.map((action) => action.id).sort()).toEqual(['amend', 'view']);
});

it('int64 attributes are exact through the directory API, to both ends of the range', async () => {
  const technician = await stack.as('chart/terminal #1', 'Clinic::Device');
  const { entities } = await technician.services.directory.listEntities({ type: 'Clinic::Record' });
  const numbers = entities.map((entity) => entity.attributes['number']?.kind.value);
  expect(numbers).toEqual([
    1n,
    9223372036854775806n,
    9223372036854775807n,
    -9223372036854775808n,
    9007199254740993n,
    6n,
  ]);
  const before = await technician.services.directory.applyEntities({ entities });
  expect(before.changed).toBe(0);
});
