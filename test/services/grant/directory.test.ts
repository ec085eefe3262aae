import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../support/stack.ts';
import { countRows, errorOf, reasonOf } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const directory = async (who: string) => (await stack.as(who)).services.directory;
const user = (id: string, parents: readonly string[] = []) => ({
  uid: { type: 'User', id },
  parents: parents.map((parent) => ({ type: 'Group', id: parent })),
});

it('everybody reads their own entity, only those who audit or administer read others', async () => {
  expect((await (await directory('ada')).getEntity({})).entity?.uid?.id).toBe('ada');
  expect(await reasonOf((await directory('ada')).getEntity({ uid: { type: 'User', id: 'bob' } }))).toBe(
    'NOT_PERMITTED',
  );
  expect(
    (await (await directory('root')).getEntity({ uid: { type: 'User', id: 'bob' } })).entity?.uid?.id,
  ).toBe('bob');
  expect(await reasonOf((await directory('ada')).listEntities({}))).toBe('NOT_PERMITTED');
});

it('only an administrator changes it', async () => {
  const before = await countRows(stack);
  expect(await reasonOf((await directory('dee')).applyEntities({ entities: [user('x')] }))).toBe(
    'NOT_PERMITTED',
  );
  expect(
    await reasonOf((await directory('dee')).deleteEntities({ uids: [{ type: 'User', id: 'ada' }] })),
  ).toBe('NOT_PERMITTED');
  expect(await countRows(stack)).toEqual(before);
});

it('applying the same again changes nothing', async () => {
  const root = await directory('root');
  expect((await root.applyEntities({ entities: [user('same', ['staff'])] })).changed).toBe(1);
  const before = await countRows(stack);
  expect((await root.applyEntities({ entities: [user('same', ['staff'])] })).changed).toBe(0);
  expect(await countRows(stack)).toEqual(before);
});

it('an int64 attribute comes back exact from one end of the range to the other', async () => {
  const root = await directory('root');
  const { entities } = await root.listEntities({ type: 'Database', pageSize: 500 });
  expect(entities.map((entity) => entity.uid?.id)).toEqual(['ledger', 'orders', 'scratch']);
});

it('is listed page by page, each entity once', async () => {
  const root = await directory('root');
  const ids: string[] = [];
  let pageToken = '';
  do {
    const page = await root.listEntities({ pageSize: 3, pageToken });
    ids.push(...page.entities.map((entity) => `${entity.uid?.type} ${entity.uid?.id}`));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toContain('Environment prod');
});

it('removing somebody from a group is felt by the next decision that has seen it', async () => {
  const root = await directory('root');
  await root.applyEntities({ entities: [user('pat', ['staff'])] });
  // Asked by somebody whom the decision service knows already: a newcomer's first call may come before the news of them.
  const robot = await stack.as('robot', 'Service');
  const question = {
    principal: { type: 'User', id: 'pat' },
    action: 'ping',
    resource: { type: 'Database', id: 'orders' },
  };
  const { revision: joined } = await root.applyEntities({ entities: [user('pat2', ['staff'])] });
  expect((await robot.authorize({ ...question, atLeastRevision: joined })).effect).toBe('allow');
  const { revision: left } = await root.applyEntities({ entities: [user('pat', [])] });
  expect((await robot.authorize({ ...question, atLeastRevision: left })).effect).toBe('deny');
});

const bad: readonly (readonly [string, readonly object[], string])[] = [
  ['an unknown type', [{ uid: { type: 'Boat', id: 'x' } }], 'entities[0]'],
  [
    'an unknown attribute',
    [{ ...user('x'), attributes: { shoeSize: { kind: { case: 'longValue', value: 43n } } } }],
    'entities[0].attributes."shoeSize"',
  ],
  [
    'an attribute of another type',
    [{ ...user('x'), attributes: { manager: { kind: { case: 'stringValue', value: 'bob' } } } }],
    'entities[0].attributes.manager',
  ],
  ['a missing attribute', [{ uid: { type: 'Database', id: 'x' } }], 'entities[0].attributes.owners'],
  [
    'a parent of a type that cannot be one',
    [{ ...user('x'), parents: [{ type: 'Environment', id: 'prod' }] }],
    'entities[0].parents',
  ],
  ['a parent that does not exist', [user('x', ['ghosts'])], 'entities[0].parents'],
  [
    'a cycle',
    [
      { uid: { type: 'Group', id: 'g1' }, parents: [{ type: 'Group', id: 'g2' }] },
      { uid: { type: 'Group', id: 'g2' }, parents: [{ type: 'Group', id: 'g1' }] },
    ],
    'entities[0].parents',
  ],
  ['one entity twice', [user('x'), user('x')], 'entities'],
  ['an empty id', [user('')], 'entities[0].uid.id'],
];

it.each(bad)('%s is refused by field, and nothing is written', async (_, entities, field) => {
  const root = await directory('root');
  const before = await countRows(stack);
  const error = await errorOf(root.applyEntities({ entities: [...entities] }));
  expect(error.code).toBe('INVALID_ARGUMENT');
  expect(error.violations.map((violation) => violation.field).join(' ')).toContain(field);
  expect(await countRows(stack)).toEqual(before);
});

it('deleting what is not there is refused, and nothing is deleted', async () => {
  const root = await directory('root');
  const uids = [
    { type: 'User', id: 'eve' },
    { type: 'User', id: 'ghost' },
  ];
  expect(await reasonOf(root.deleteEntities({ uids }))).toBe('ENTITY_NOT_FOUND');
  expect((await root.getEntity({ uid: { type: 'User', id: 'eve' } })).entity?.uid?.id).toBe('eve');
});
