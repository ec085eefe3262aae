import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GrantServer, startGrantService } from '../../../services/grant/service.ts';
import { LOOK_MS, OFFICE, type Stack, startStack } from '../../support/stack.ts';

interface Listed {
  uid: { type: string; id: string };
  attrs: object;
  parents: { type: string; id: string }[];
}

const TIMEOUT = { timeout: 60_000 };
const group = (id: string) => ({ type: 'Group', id });
const user = (id: string, ...groups: string[]): Listed => ({
  uid: { type: 'User', id },
  attrs: {},
  parents: groups.map(group),
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-policy-folder-'));
  await cp(OFFICE, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

async function editDirectory(edit: (entities: Listed[]) => Listed[]): Promise<void> {
  const path = join(folder, 'directory.json');
  await writeFile(path, JSON.stringify(edit(JSON.parse(await readFile(path, 'utf8')) as Listed[]))); // the office's own file
}

const guard = (text: string): Promise<void> => writeFile(join(folder, 'guardrails', 'extra.cedar'), text);
const freeze = (id: string): string =>
  `@id("${id}")\nforbid (principal, action, resource) when { resource == Database::"none" };\n`;
const directory = async (stack: Stack) => (await stack.as('root')).services.directory;
const digest = async (stack: Stack): Promise<string> =>
  (await (await stack.as('root')).services.decision.getStatus({})).policyDigest;

async function groupsOf(stack: Stack, id: string): Promise<readonly string[] | undefined> {
  const { entities } = await (await directory(stack)).listEntities({ type: 'User', pageSize: 500 });
  return entities.find((entity) => entity.uid?.id === id)?.parents.map((parent) => parent.id);
}

/** Looks as the owner, over a connection that is gone before the database is. */
async function query(stack: Stack, sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: stack.database.ownerUrl });
  await client.connect();
  try {
    return (await client.query(sql, [...parameters])).rows;
  } finally {
    await client.end();
  }
}

/** Another grant service on the same database, as after a restart. */
function another(stack: Stack, logs: string[] = []): Promise<GrantServer> {
  return startGrantService({
    databaseUrl: stack.database.grantUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [stack.issuer.issuer],
    logger: pino({ level: 'warn' }, { write: (line: string) => void logs.push(line) }),
    policyFolder: folder,
    policyLookMs: LOOK_MS,
  });
}

it('what the API changed stays when another file changes and after a restart, until the entity is edited in the file', async () => {
  await using stack = await startStack({ policies: folder });
  await (await directory(stack)).applyEntities({
    entities: [{ uid: { type: 'User', id: 'ada' }, parents: [] }],
  });
  const first = await digest(stack);
  await guard(freeze('extra'));
  await expect.poll(() => digest(stack), TIMEOUT).not.toBe(first);
  expect(await groupsOf(stack, 'ada')).toEqual([]);
  await editDirectory((entities) => [...entities.toReversed(), user('late')]);
  await expect.poll(() => groupsOf(stack, 'late'), TIMEOUT).toEqual([]);
  expect(await groupsOf(stack, 'ada')).toEqual([]);
  await (await another(stack)).close();
  expect(await groupsOf(stack, 'ada')).toEqual([]);
  await editDirectory((entities) =>
    entities.map((it) => (it.uid.id === 'ada' ? user('ada', 'staff', 'security') : it)),
  );
  await expect
    .poll(async () => (await groupsOf(stack, 'ada'))?.toSorted(), TIMEOUT)
    .toEqual(['security', 'staff']);
});

it('what the file said is remembered also where the directory held the same already', async () => {
  await using stack = await startStack({ policies: folder });
  const root = await directory(stack);
  await root.applyEntities({ entities: [{ uid: { type: 'User', id: 'same' }, parents: [group('staff')] }] });
  await editDirectory((entities) => [...entities, user('same', 'staff'), user('marker')]);
  await expect.poll(() => groupsOf(stack, 'marker'), TIMEOUT).toEqual([]);
  await root.applyEntities({ entities: [{ uid: { type: 'User', id: 'same' }, parents: [] }] });
  await (await another(stack)).close();
  expect(await groupsOf(stack, 'same')).toEqual([]);
});

it('an entity that was deleted stays deleted while the file lists it, and holds up nothing else', async () => {
  await using stack = await startStack({ policies: folder });
  await (await directory(stack)).deleteEntities({ uids: [{ type: 'User', id: 'eve' }, group('staff')] });
  await editDirectory((entities) => [...entities, user('next', 'staff', 'security')]);
  await expect.poll(() => groupsOf(stack, 'next'), TIMEOUT).toEqual(['security']);
  expect(await groupsOf(stack, 'eve')).toBeUndefined();
  const before = await digest(stack);
  await guard(freeze('extra'));
  await expect.poll(() => digest(stack), TIMEOUT).not.toBe(before);
  expect(stack.logs.filter((line) => line.includes('stay deleted'))).toHaveLength(1);
  expect(stack.logs.filter((line) => line.includes('not in force'))).toEqual([]);
});

it('a folder that is still being written is not taken half', async () => {
  await using stack = await startStack({ policies: folder, lookMs: 1_000 });
  const first = await digest(stack);
  let ticks = 0;
  const writing = setInterval(() => {
    ticks += 1;
    void guard(freeze(`half${ticks}`)); // a failure ends the run as an unhandled rejection
  }, 300);
  await expect.poll(() => ticks, TIMEOUT).toBeGreaterThan(12);
  clearInterval(writing);
  await expect.poll(() => digest(stack), TIMEOUT).not.toBe(first);
  const { policySets } = await (await stack.as('root')).services.policies.listPolicySets({});
  expect(policySets).toHaveLength(2);
});

it('services that start together with one folder put it in force once', async () => {
  await using stack = await startStack();
  await guard(freeze('extra'));
  const servers = await Promise.all([another(stack), another(stack), another(stack)]);
  await Promise.all(servers.map((server) => server.close()));
  const rows = await query(stack, "SELECT 1 FROM ledger WHERE kind = 'POLICY_ACTIVATED'");
  expect(rows).toHaveLength(2);
});

const bad: readonly (readonly [string, Listed, string])[] = [
  ['an attribute of another type', { ...user('zoe'), attrs: { manager: 3 } }, 'attributes.manager'],
  ['an unknown type', { ...user('zoe'), uid: { type: 'Boat', id: 'zoe' } }, 'uid.type'],
  ['a parent that is nowhere', user('zoe', 'ghosts'), 'Group::\\"ghosts\\"'],
  ['an entity inside itself', { uid: group('zoe'), attrs: {}, parents: [group('zoe')] }, 'inside itself'],
  ['an empty id', user(''), 'uid.id'],
  ['an id that is too long', user('z'.repeat(257)), '1 to 256 bytes'],
  ['an id that is not in normal form C', user('zoe\u0301'), 'normal form C'],
  ['an id with an invisible character', user('zo\u200be'), 'invisible'],
  ['an id of two scripts', user('z\u043ee'), 'mixes letters of Latin, Cyrillic'],
  ['an id with a control character', user('zoe\u0000'), 'control'],
  ['a lone surrogate', user('zoe\ud800'), 'well-formed'],
];

describe('at the first start', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it.each(bad)('a directory.json with %s refuses the first start by line', async (_, entity, wanted) => {
    await query(stack, 'TRUNCATE ledger, ledger_text, entities');
    await query(
      stack,
      'UPDATE ledger_head SET revision = 0, basis_revision = 0, hash = $1, epoch = gen_random_uuid()',
      [Buffer.alloc(32)],
    );
    const text = (await readFile(join(folder, 'directory.json'), 'utf8')).trimEnd().slice(0, -1);
    await writeFile(join(folder, 'directory.json'), `${text.trimEnd()},\n${JSON.stringify(entity)}\n]\n`);
    const error = await another(stack).then(
      (server) => server.close(),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error; // asserted above
    const line = text.trimEnd().split('\n').length + 1;
    expect(message).toContain(`directory.json:${line}:1: `);
    expect(JSON.stringify(message)).toContain(wanted);
    expect(await query(stack, 'SELECT 1 FROM ledger')).toEqual([]);
  });
});

it('a bad directory.json changes nothing, is reported once, and is taken when the directory comes to fit it', async () => {
  await using stack = await startStack({ policies: folder });
  const first = await digest(stack);
  await guard(freeze('extra'));
  await editDirectory((entities) => [...entities, user('zoe', 'ghosts'), user('yan')]);
  const reports = () => stack.logs.filter((line) => line.includes('not in force'));
  await expect.poll(() => reports().length, TIMEOUT).toBe(1);
  await (await directory(stack)).applyEntities({ entities: [{ uid: { type: 'User', id: 'other' } }] });
  expect(await digest(stack)).toBe(first);
  expect(await groupsOf(stack, 'yan')).toBeUndefined();
  await (await directory(stack)).applyEntities({ entities: [{ uid: group('ghosts') }] });
  await expect.poll(() => groupsOf(stack, 'zoe'), TIMEOUT).toEqual(['ghosts']);
  await expect.poll(() => digest(stack), TIMEOUT).not.toBe(first);
  expect(reports()).toHaveLength(1);
});

it('a schema that entities of the directory do not fit is refused, naming them, unless the file replaces them', async () => {
  await using stack = await startStack({ policies: folder });
  const first = await digest(stack);
  await (await directory(stack)).applyEntities({ entities: [{ uid: { type: 'Printer', id: 'blotty' } }] });
  const schema = join(folder, 'schema.cedarschema');
  const text = await readFile(schema, 'utf8');
  await writeFile(schema, text.replace('entity Printer;', 'entity Printer = { room: String };'));
  await editDirectory((entities) =>
    entities.map((it) => (it.uid.type === 'Printer' ? { ...it, attrs: { room: 'attic' } } : it)),
  );
  const reports = () => stack.logs.filter((line) => line.includes('not in force'));
  await expect.poll(() => reports().length, TIMEOUT).toBe(1);
  expect(reports()[0]).toContain('Printer::\\"blotty\\": attributes.room');
  expect(reports()[0]).not.toContain('inky');
  expect(await digest(stack)).toBe(first);
  await (await directory(stack)).deleteEntities({ uids: [{ type: 'Printer', id: 'blotty' }] });
  await expect.poll(() => digest(stack), TIMEOUT).not.toBe(first);
  const { entity } = await (await directory(stack)).getEntity({ uid: { type: 'Printer', id: 'inky' } });
  expect(Object.keys(entity?.attributes ?? {})).toEqual(['room']);
});

describe('a set under which nobody could administer', () => {
  const WORKFLOWS = join('workflows', 'workflows.cedar');
  const ghosts = async (): Promise<void> => {
    const path = join(folder, WORKFLOWS);
    await writeFile(path, (await readFile(path, 'utf8')).replace('in Group::"admins"', 'in Group::"ghosts"'));
  };

  it('is refused, says what to do, and what was in force stays until somebody could', async () => {
    await using stack = await startStack({ policies: folder });
    const first = await digest(stack);
    await ghosts();
    const refusals = () =>
      stack.logs.filter((line) => line.includes('nobody of the directory could administer'));
    await expect.poll(() => refusals().length, TIMEOUT).toBe(1);
    expect(refusals()[0]).toContain('put whom it names into directory.json');
    expect(await digest(stack)).toBe(first);
    await editDirectory((entities) => [
      ...entities,
      { uid: group('ghosts'), attrs: {}, parents: [] },
      user('casper', 'ghosts'),
    ]);
    const casper = (await stack.as('casper')).services.directory;
    const seen = () =>
      casper.getEntity({}).then(
        ({ entity }) => entity?.uid?.id,
        () => undefined,
      );
    await expect.poll(seen, TIMEOUT).toBe('casper');
  });

  it('is refused at the very first start too', async () => {
    await ghosts();
    await expect(startStack({ policies: folder })).rejects.toThrow(
      /nobody of the directory could administer/,
    );
  });

  it('is put in force before anybody is there', async () => {
    await ghosts();
    await editDirectory((entities) => entities.filter(({ uid }) => uid.type === 'Group'));
    await using stack = await startStack({ policies: folder });
    expect(stack.grant.context.followed.replica.policies.kind).toBe('ready');
  });
});
