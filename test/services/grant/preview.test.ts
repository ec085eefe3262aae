import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EntityUid } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, reasonOf, submit, submitted, type Wish } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

async function preview(
  who: string,
  { resource = database('orders'), actions = ['read'], ...wish }: Wish = {},
) {
  const { grants } = (await stack.as(who)).services;
  const answer = await grants.requestAccess({
    items: [{ resource, actions: actions.map(action) }],
    reason: wish.reason ?? 'to see',
    ticket: wish.ticket ?? '',
    ...(wish.subject === undefined ? {} : { subject: wish.subject }),
    validateOnly: true,
  });
  return { ...answer, item: answer.request?.items[0] };
}

const ids = (people: readonly EntityUid[] = []): readonly string[] => people.map(({ id }) => id).toSorted();

it('only the number of those who could answer is told to whoever may not see such requests', async () => {
  const { item } = await preview('ada');
  expect(item?.steps.map((step) => [step.name, step.candidates, ids(step.candidatePeople)])).toEqual([
    ['owner', 2, []],
  ]);
});

it.each(['dee', 'root'])(
  '%s, who may view such requests, audit or administer, is told who they are',
  async (who) => {
    const { item } = who === 'root' ? await previewAsAdministrator() : await preview(who);
    expect(item?.steps.map((step) => [step.name, ids(step.candidatePeople)])).toEqual([
      ['owner', ['bob', 'cy']],
    ]);
  },
);

/** Nobody in the office lets an administrator ask: as one of the staff they may. */
async function previewAsAdministrator() {
  const root = await stack.as('root');
  const parents = ['admins', 'staff'].map((id) => ({ type: 'Group', id }));
  await root.services.directory.applyEntities({ entities: [{ uid: { type: 'User', id: 'root' }, parents }] });
  return await preview('root');
}

it('a missing reason or ticket is told with the rest, and nothing is written', async () => {
  const before = await countRows(stack);
  const { item, warnings } = await preview('ada', { actions: ['write'], reason: '', ticket: 'soon' });
  expect(warnings).toEqual([
    expect.stringMatching(/^it would be refused: reason: .*must not be empty$/),
    expect.stringMatching(/^it would be refused: ticket: seen "soon".*CHG-\[0-9\]\+$/),
  ]);
  expect(item?.workflow).toMatchObject({
    id: 'two',
    maxDuration: { seconds: 3_600n },
    reasonRule: 'required',
    ticketRule: 'CHG-[0-9]+',
  });
  expect(item?.steps.map(({ candidates }) => candidates)).toEqual([2, 2]);
  expect(await countRows(stack)).toEqual(before);
});

it('a step that nobody can fill is told with the rest', async () => {
  const { item, warnings } = await preview('ada', {
    resource: { type: 'Printer', id: 'inky' },
    actions: ['feed'],
  });
  expect(item?.workflow?.id).toBe('paper');
  expect(item?.steps.map(({ candidates }) => candidates)).toEqual([0]);
  expect(warnings).toEqual([expect.stringContaining('nobody could answer: step "printer-keeper"')]);
});

it('what is not to be had at all is refused as before', async () => {
  expect(await reasonOf(preview('ada', { resource: database('nowhere') }))).toBe('ENTITY_UNKNOWN');
  const seconds = { items: [{ resource: database('orders'), actions: [action('read')] }], reason: 'x' };
  const { grants } = (await stack.as('ada')).services;
  const tooLong = { ...seconds, duration: { seconds: 86_400n }, validateOnly: true };
  expect(await reasonOf(grants.requestAccess(tooLong))).toBe('DURATION_TOO_LONG');
});

it('what the subject holds, and until when, is told', async () => {
  await submit(stack, 'eve', { resource: database('scratch'), seconds: 600 });
  const { warnings } = await preview('eve', { resource: database('scratch') });
  expect(warnings).toEqual([
    expect.stringMatching(/^you already hold Action::"read" on Database::"scratch" until \d{4}-.*Z$/),
  ]);
});

it('a request for the same that is pending is told to those who may see it, and to nobody else', async () => {
  const robot = { type: 'Service', id: 'robot' };
  const { id } = await submitted(stack, 'cy', { subject: robot });
  expect((await preview('cy', { subject: robot })).warnings).toEqual([
    `Action::"read" on Database::"orders" has been asked for already: request ${id} is pending`,
  ]);
  expect((await preview('cy', { subject: robot, resource: database('ledger') })).warnings).toEqual([]);
  const own = await submitted(stack, 'ada', { resource: database('ledger') });
  expect((await preview('ada', { resource: database('ledger') })).warnings).toEqual([
    expect.stringContaining(own.id),
  ]);
});
