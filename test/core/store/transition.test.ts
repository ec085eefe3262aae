import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { Database } from '../../../core/store/connect.ts';
import { GENESIS_HASH } from '../../../core/store/ledger.ts';
import { chain, leafOf } from '../../../core/store/ledger-row.ts';
import { BasisChanged } from '../../../core/store/append.ts';
import { transition, type Trx } from '../../../core/store/transition.ts';
import { migratedDatabase, sharedDatabase } from './database.ts';
import { activated, deleted, reviewed, withdrawn } from './ledger-events.ts';
import { patiently } from './patiently.ts';

const only =
  (...events: readonly LedgerEvent[]) =>
  async () => ({ events, result: undefined });

test('a transition appends its events in order and answers with the last revision', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const id = randomUUID();
  const { result, revision } = await transition(grant, 0n, async () => ({
    events: [reviewed(id), withdrawn(id)],
    result: 'done',
  }));
  expect({ result, revision }).toEqual({ result: 'done', revision: 2n });
  expect(await ledgerOf(grant)).toMatchObject([
    { revision: 1n, kind: 'REQUEST_REVIEWED', request_id: id, text: 'looks right' },
    { revision: 2n, kind: 'REQUEST_WITHDRAWN', request_id: id, text: null },
  ]);
});

test('L7 sixteen writers at once leave a dense, linked ledger whose head is the last row', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant', { poolSize: 16 });
  let appended = 0;
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let round = 0; round < 12; round++) {
      const id = randomUUID();
      const size = 1 + ((writer + round) % 5);
      appended += size;
      await transition(grant, 0n, only(...Array.from({ length: size }, () => reviewed(id))));
    }
  });
  await Promise.all(writers);
  const rows = await ledgerOf(grant);
  expect(rows).toHaveLength(appended);
  let last: { readonly revision: bigint; readonly hash: Buffer } = { revision: 0n, hash: GENESIS_HASH };
  for (const row of rows) {
    expect(row.revision).toBe(last.revision + 1n);
    expect(row.previous_hash).toEqual(last.hash);
    expect(row.hash).toEqual(chain(last.hash, leafOf(row.body)));
    last = row;
  }
  expect(await headOf(grant)).toMatchObject({ revision: last.revision, hash: last.hash });
});

test('L7 the events of one transition stand side by side whoever else writes', async () => {
  const grant = (await migratedDatabase()).open('grant', { poolSize: 8 });
  const transitions = Array.from({ length: 40 }, async (_, i) => {
    const id = randomUUID();
    const size = 1 + (i % 5);
    const done = await transition(grant, 0n, only(...Array.from({ length: size }, () => withdrawn(id))));
    return { id, size, last: done.revision };
  });
  const done = await Promise.all(transitions);
  const rows = await ledgerOf(grant);
  for (const { id, size, last } of done) {
    const own = rows.filter((row) => row.request_id === id).map((row) => row.revision);
    expect(own).toEqual(Array.from({ length: size }, (_, i) => last - BigInt(size - 1 - i)));
  }
});

test('a transition decided before the directory changed is refused and writes nothing', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const { revision: basis } = await transition(grant, 0n, only(activated()));
  await transition(grant, basis, only(deleted({ type: 'User', id: 'eve' })));
  const late = transition(grant, basis, async (trx) => {
    await writeEntity(trx, 'late');
    return { events: [withdrawn(randomUUID())], result: undefined };
  });
  await expect(late).rejects.toThrow(BasisChanged);
  expect(await headOf(grant)).toMatchObject({ revision: 2n, basis_revision: 2n });
  expect(await ledgerOf(grant)).toHaveLength(2);
  expect(await entityIds(grant)).toEqual([]);
});

test('a transition decided at or after the last change of the directory is accepted', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const { revision: basis } = await transition(grant, 0n, only(activated()));
  await transition(grant, basis, only(withdrawn(randomUUID())));
  await transition(grant, basis, only(withdrawn(randomUUID())));
  expect(await headOf(grant)).toMatchObject({ revision: 3n, basis_revision: basis });
});

test('the basis is the last change among the events of a transition, wherever it stands', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const id = randomUUID();
  await transition(
    grant,
    0n,
    only(withdrawn(id), deleted(), withdrawn(id), activated(), withdrawn(id), withdrawn(id)),
  );
  expect(await headOf(grant)).toMatchObject({ revision: 6n, basis_revision: 4n });
});

test('in a race between decisions and changes of the directory no decision stands on an older basis', async () => {
  const grant = (await migratedDatabase()).open('grant', { poolSize: 8 });
  const accepted: { readonly basis: bigint; readonly revision: bigint }[] = [];
  let refused = 0;
  const decide = async (change: boolean): Promise<void> => {
    const { basis_revision: basis } = await headOf(grant);
    try {
      const event = change ? activated() : withdrawn(randomUUID());
      const { revision } = await transition(grant, basis, only(event));
      accepted.push({ basis, revision });
    } catch (error) {
      if (!(error instanceof BasisChanged)) throw error;
      refused += 1;
    }
  };
  for (let round = 0; round < 25; round++)
    await Promise.all(Array.from({ length: 8 }, (_, i) => decide(i % 4 === 0)));
  const changes = (await ledgerOf(grant)).filter((row) => row.kind === 'POLICY_ACTIVATED');
  expect(refused).toBeGreaterThan(0);
  expect(accepted.length + refused).toBe(200);
  for (const { basis, revision } of accepted)
    expect(changes.filter((row) => row.revision > basis && row.revision < revision)).toEqual([]);
});

test('a transition without events writes its rows and leaves the ledger alone', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const { revision } = await transition(grant, 0n, async (trx) => {
    await writeEntity(trx, 'quiet');
    return { events: [], result: undefined };
  });
  expect(revision).toBe(0n);
  expect(await entityIds(grant)).toEqual(['quiet']);
  expect(await headOf(grant)).toMatchObject({ revision: 0n, hash: GENESIS_HASH });
});

test('L6 a transition whose work fails after its writes leaves neither rows nor ledger', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const failing = transition(grant, 0n, async (trx) => {
    await writeEntity(trx, 'half');
    throw new AccessError('SELF_REVIEW', 'not your own');
  });
  await expect(failing).rejects.toMatchObject({ reason: 'SELF_REVIEW' });
  expect(await entityIds(grant)).toEqual([]);
  expect(await ledgerOf(grant)).toEqual([]);
});

test('L6 a transition whose append is refused leaves no rows', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await sql`ALTER TABLE ledger ADD CONSTRAINT ledger_refuses CHECK (actor <> 'User::"ada"')`.execute(
    open('owner'),
  );
  const refused = transition(grant, 0n, async (trx) => {
    await writeEntity(trx, 'half');
    return { events: [withdrawn(randomUUID())], result: undefined };
  });
  await expect(refused).rejects.toMatchObject({ constraint: 'ledger_refuses' });
  expect(await entityIds(grant)).toEqual([]);
  expect(await headOf(grant)).toMatchObject({ revision: 0n });
});

test('L6 a transition whose connection is killed after its writes leaves neither rows nor ledger', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const killed = transition(grant, 0n, async (trx) => {
    await writeEntity(trx, 'half');
    await kill(open('owner'), await backendOf(trx));
    return { events: [withdrawn(randomUUID())], result: undefined };
  });
  await expect(killed).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  expect(await entityIds(grant)).toEqual([]);
  expect(await ledgerOf(grant)).toEqual([]);
  expect((await transition(grant, 0n, only(withdrawn(randomUUID())))).revision).toBe(1n);
});

test('L6 a transition killed while it waits for the head leaves nothing and holds up nobody', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const owner = open('owner');
  const holder = await owner.startTransaction().execute();
  await sql`SELECT FROM ledger_head FOR UPDATE`.execute(holder);
  const pid = Promise.withResolvers<number>();
  const killed = transition(grant, 0n, async (trx) => {
    await writeEntity(trx, 'half');
    pid.resolve(await backendOf(trx));
    return { events: [withdrawn(randomUUID())], result: undefined };
  });
  const refusal = expect(killed).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  const waiting = await pid.promise;
  await expect.poll(() => isWaitingForLock(owner, waiting), patiently).toBe(true);
  await kill(owner, waiting);
  await refusal;
  await holder.rollback().execute();
  expect(await entityIds(grant)).toEqual([]);
  expect((await transition(grant, 0n, only(withdrawn(randomUUID())))).revision).toBe(1n);
});

test('a transition that cannot have the head in time is refused as a conflict', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const holder = await open('owner').startTransaction().execute();
  await sql`SELECT FROM ledger_head FOR UPDATE`.execute(holder);
  const waiting = transition(grant, 0n, only(withdrawn(randomUUID())));
  await expect(waiting).rejects.toMatchObject({ reason: 'CONFLICT' });
  await holder.rollback().execute();
  expect(await ledgerOf(grant)).toEqual([]);
});

test('the doorbell rings after the commit of a transition, and not when it fails', async () => {
  const { open, urlOf } = await migratedDatabase();
  const grant = open('grant');
  const bells: pg.Notification[] = [];
  const listener = new pg.Client({ connectionString: urlOf('notify') });
  await listener.connect();
  onTestFinished(() => listener.end());
  listener.on('notification', (bell) => bells.push(bell));
  await listener.query('LISTEN curfew_ledger');
  await expect(transition(grant, -1n, only(withdrawn(randomUUID())))).rejects.toThrow(BasisChanged);
  await transition(grant, 0n, only(withdrawn(randomUUID())));
  await expect.poll(() => bells.length, patiently).toBe(1);
  expect(bells[0]).toMatchObject({ channel: 'curfew_ledger', payload: '' });
});

const shared = sharedDatabase();

test.for([
  `'; DROP TABLE ledger; --`,
  `"); DELETE FROM ledger_head; --`,
  `$1 $2 :name ? ?? @x`,
  `\\'; SELECT 1; --`,
  `{"a","b"} {NULL} NULL`,
  `%s %I %L \\x00 \\u0000`,
  `E'\\n' U&'\\0041' $$body$$`,
  `Ωμέγα 𝒳 \u202E \u200B é é`,
])('P1 %j is stored as given', async (text) => {
  const grant = shared().open('grant');
  const requestId = randomUUID();
  const event = { ...reviewed(requestId, text), actor: text, policyDigest: text };
  await transition(grant, 0n, only(event));
  const row = (await ledgerOf(grant)).at(-1);
  expect(row).toMatchObject({ actor: text, text });
  expect(JSON.parse(row?.body ?? '')).toMatchObject({ actor: text, policyDigest: text });
});

function ledgerOf(database: Database) {
  return database
    .selectFrom('ledger')
    .leftJoin('ledger_text', 'ledger_text.revision', 'ledger.revision')
    .selectAll('ledger')
    .select('ledger_text.text')
    .orderBy('ledger.revision')
    .execute();
}

function headOf(database: Database) {
  return database.selectFrom('ledger_head').selectAll().executeTakeFirstOrThrow();
}

async function writeEntity(trx: Trx, id: string): Promise<void> {
  await trx
    .insertInto('entities')
    .values({ uid: `User::"${id}"`, type: 'User', id, body: '{}' })
    .execute();
}

async function entityIds(database: Database): Promise<readonly string[]> {
  const rows = await database.selectFrom('entities').select('id').execute();
  return rows.map((row) => row.id);
}

async function backendOf(database: Database): Promise<number> {
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(database);
  return rows[0]?.pid ?? 0;
}

async function kill(owner: Database, pid: number): Promise<void> {
  await sql`SELECT pg_terminate_backend(${pid}, 5000)`.execute(owner);
}

async function isWaitingForLock(owner: Database, pid: number): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`
    SELECT wait_event_type = 'Lock' AS waits FROM pg_stat_activity WHERE pid = ${pid}`.execute(owner);
  return rows[0]?.waits === true;
}
