import { readFile } from 'node:fs/promises';
import { CompiledQuery, sql } from 'kysely';
import { expect, test } from 'vitest';
import type { AccessRequest, RequestItem } from '../../../core/access/request.ts';
import { DEFAULT_TERMS, type Workflow } from '../../../core/access/workflow.ts';
import type { Database } from '../../../core/store/connect.ts';
import { listToReview, type ReviewWay } from '../../../core/store/list-to-review.ts';
import { ensureRoles } from '../../../core/store/migrate.ts';
import { insertRequest, resolveItems } from '../../../core/store/request-changes.ts';
import { ROLE_PASSWORDS } from '../../support/postgres.ts';
import { emptyDatabase, sharedDatabase } from './database.ts';

const shared = sharedDatabase();
const at = new Date('2026-01-02T03:04:05.678Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const user = (id: string) => ({ type: 'User', id });

const workflow: Workflow = {
  id: 'w',
  title: 'w',
  steps: [
    { name: 'owner', seats: 1 },
    { name: 'security', seats: 2 },
  ],
  ...DEFAULT_TERMS,
  maxMs: 60_000,
  defaultMs: 60_000,
  claimMs: 60_000,
  uses: undefined,
  idleMs: undefined,
  breakGlass: undefined,
  escalations: [{ afterMs: 30_000, step: 'lead' }],
  resourceTypes: [],
};

function item(index: number, of: Workflow = workflow): RequestItem {
  return {
    item: index,
    resource: { type: 'Database', id: `d${index}` },
    actions: [{ type: 'Action', id: 'read' }],
    workflow: of,
    state: 'PENDING',
    expiresAt: new Date(at.getTime() + 60_000),
    resolvedAt: undefined,
    deniedBecause: '',
    grantId: undefined,
    isOwed: false,
  };
}

function request(items: readonly RequestItem[], requester = 'ada'): AccessRequest {
  return {
    id: crypto.randomUUID(),
    requester: user(requester),
    subject: { type: 'Service', id: 'robot' },
    reason: '',
    ticket: '',
    durationMs: 60_000,
    startsAt: undefined,
    breakGlass: false,
    extends: undefined,
    requestHash: new Uint8Array(32),
    createdAt: at,
    items,
    reviews: [],
  };
}

async function written(database: Database, ...requests: readonly AccessRequest[]): Promise<void> {
  for (const each of requests) await database.transaction().execute((trx) => insertRequest(trx, each));
}

async function stepsOf(database: Database, { id }: AccessRequest): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('open_steps')
    .select(['item', 'step'])
    .where('request_id', '=', id)
    .orderBy('item')
    .orderBy('step')
    .execute();
  return rows.map((row) => `${row.item} ${row.step}`);
}

/** The ids of all requests that the ways lead to, chunk after chunk. */
async function foundInChunks(
  database: Database,
  ways: readonly ReviewWay[],
  { size, now }: { readonly size: number; readonly now: Date },
): Promise<readonly string[]> {
  const found: string[] = [];
  let before: bigint | undefined;
  for (let isLast = false; !isLast; ) {
    const chunk = await listToReview(database, ways, { before, size, now });
    expect(chunk.rows.length).toBeLessThanOrEqual(size);
    if (!chunk.isLast) expect(chunk.rows.length).toBeGreaterThan(0);
    found.push(...chunk.rows.map((row) => row.request.id));
    before = chunk.rows.at(-1)?.position ?? before;
    ({ isLast } = chunk);
  }
  return found;
}

test('each step of a pending item, and each that may stand in for them, waits until the item is decided', async () => {
  const database = shared().open('grant');
  const asked = request([item(0), item(1), item(2, { ...workflow, steps: [] })]);
  await written(database, asked);
  expect(await stepsOf(database, asked)).toEqual([
    '0 lead',
    '0 owner',
    '0 security',
    '1 lead',
    '1 owner',
    '1 security',
  ]);
  await database
    .transaction()
    .execute((trx) => resolveItems(trx, asked, [{ item: 0, state: 'DENIED', at, because: '' }]));
  expect(await stepsOf(database, asked)).toEqual(['1 lead', '1 owner', '1 security']);
});

test('requests are found by the type of a resource, by a resource, by a requester and by a subject, each once and in order', async () => {
  const database = shared().open('grant');
  const [first, second, third] = [request([item(0), item(1)]), request([item(3)], 'bob'), request([item(4)])];
  await written(database, first, second, third);
  const all = [first, second, third].map(({ id }) => id);
  const found = async (ways: readonly Omit<ReviewWay, 'step'>[], size = 10) => {
    const named = ways.map((way) => ({ ...way, step: 'owner' }));
    const { rows, isLast } = await listToReview(database, named, { before: undefined, size, now: at });
    return [rows.map((row) => all.indexOf(row.request.id)).filter((index) => index >= 0), isLast];
  };
  expect(await found([{ by: 'resource', is: 'Database::"d3"' }])).toEqual([[1], true]);
  expect(await found([{ by: 'requester', is: 'User::"bob"' }])).toEqual([[1], true]);
  const ofRobot = { by: 'subject', is: 'Service::"robot"' } as const;
  const ofType = { by: 'resource_type', is: 'Database' } as const;
  expect(await found([ofType])).toEqual([[2, 1, 0], true]);
  expect(await found([ofType, ofRobot, { by: 'resource', is: 'Database::"d0"' }], 50)).toEqual([
    [2, 1, 0],
    true,
  ]);
  expect(await found([ofRobot], 2)).toEqual([[2, 1], false]);
  expect(await found([])).toEqual([[], true]);
});

test('however many ways there are and however small the pages, each request is found once and in order', async () => {
  const database = shared().open('grant');
  // Few and many for one resource, and some that two ways lead to.
  const wanted = [[5], [5, 6], [7], [5], [8, 9], [6], [5], [9], [10], [5, 7], [6, 8], [5]];
  const asked = wanted.map((resources, index) => ({
    ...request(
      resources.map((each) => item(each)),
      `p${index % 3}`,
    ),
    reason: `${index}`,
  }));
  await written(database, ...asked, request([item(11)], 'p4'));
  const ways = [
    ...[5, 6, 7, 8, 9, 10].map((each) => ({ by: 'resource', is: `Database::"d${each}"` }) as const),
    ...['p0', 'p1'].map((each) => ({ by: 'requester', is: `User::"${each}"` }) as const),
  ].map((way) => ({ ...way, step: 'owner' }));
  const newestFirst = asked.map(({ id }) => id).toReversed();
  for (const size of [1, 2, 3, 5, 13])
    expect(await foundInChunks(database, ways, { size, now: at })).toEqual(newestFirst);
});

test('who stands in for others finds what they may answer by then, whenever that was to be, and nothing that they may not', async () => {
  const database = shared().open('grant');
  const lead = (afterMs: number): Workflow => ({
    ...workflow,
    steps: [{ name: 'owner', seats: 1 }],
    escalations: [{ afterMs, step: 'lead' }],
  });
  const ofLeads: Workflow = { ...workflow, steps: [{ name: 'lead', seats: 1 }] };
  // Minutes after the first at which each was made, and the workflow: a clock was set back in between.
  const made = [
    [0, lead(HOUR_MS)],
    [10, lead(HOUR_MS / 2)],
    [15, ofLeads],
    [5, lead(HOUR_MS)],
    [20, lead(HOUR_MS / 2)],
    [40, lead(HOUR_MS)],
    [30, ofLeads],
    [45, lead(2 * HOUR_MS)],
  ] as const;
  const asked = made.map(([minutes, of]) => ({
    ...request([item(12, of)]),
    reason: `${minutes}`,
    createdAt: new Date(at.getTime() + minutes * MINUTE_MS),
  }));
  await written(database, ...asked);
  const ways = [{ step: 'lead', by: 'resource', is: 'Database::"d12"' }] as const;
  const foundAt = async (minutes: number, size: number): Promise<readonly number[]> => {
    const now = new Date(at.getTime() + minutes * MINUTE_MS);
    const found = await foundInChunks(database, ways, { size, now });
    return found.map((each) => asked.findIndex(({ id }) => id === each));
  };
  for (const size of [1, 3, 50]) {
    expect(await foundAt(39, size)).toEqual([6, 2]);
    expect(await foundAt(40, size)).toEqual([6, 2, 1]);
    expect(await foundAt(50, size)).toEqual([6, 4, 2, 1]);
    // The fourth is older than some of its time, and comes with the first.
    expect(await foundAt(65, size)).toEqual([6, 4, 3, 2, 1, 0]);
    expect(await foundAt(165, size)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  }
});

const FOLDER = new URL('../../../core/store/migrations/', import.meta.url);

test('what is pending when the table is made waits from then on', async () => {
  const { open } = await emptyDatabase();
  const owner = open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  const run = async (name: string) =>
    await owner.executeQuery(CompiledQuery.raw(await readFile(new URL(name, FOLDER), 'utf8')));
  await run('0001_first.sql');
  const id = crypto.randomUUID();
  await sql`
    INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at)
    VALUES (${id}, 'User::"ada"', 'User::"eve"', 'PENDING', '', '', 1, ${Buffer.alloc(32)}, ${at}, ${at})`.execute(
    owner,
  );
  for (const [index, state] of ['PENDING', 'DENIED'].entries()) {
    const resource = `Clinic::Record::"${state}::\\"x"`;
    await sql`
      INSERT INTO request_items (request_id, item, resource, actions, workflow, state, expires_at, resolved_at, denied_because)
      VALUES (${id}, ${index}, ${resource}, '{a}', ${JSON.stringify(workflow)}, ${state}::item_state, ${at},
        ${state === 'PENDING' ? null : at}, '')`.execute(owner);
  }
  await run('0005_open_steps.sql');
  const rows = await owner.selectFrom('open_steps').selectAll().orderBy('step').execute();
  const common = {
    request_id: id,
    item: 0,
    position: 1n,
    resource: 'Clinic::Record::"PENDING::\\"x"',
    resource_type: 'Clinic::Record',
    requester: 'User::"ada"',
    subject: 'User::"eve"',
    expires_at: at,
  };
  expect(rows).toEqual([
    { ...common, step: 'lead' },
    { ...common, step: 'owner' },
    { ...common, step: 'security' },
  ]);
  await run('0009_later_steps.sql');
  const { rows: known } = await sql`
    SELECT step, after_ms, opens_at FROM open_steps ORDER BY step`.execute(owner);
  expect(known).toEqual([
    { step: 'lead', after_ms: 30_000n, opens_at: new Date(at.getTime() + 30_000) },
    { step: 'owner', after_ms: 0n, opens_at: null },
    { step: 'security', after_ms: 0n, opens_at: null },
  ]);
});
