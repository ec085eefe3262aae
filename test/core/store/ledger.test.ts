import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { Database } from '../../../core/store/connect.ts';
import { toGrant } from '../../../core/store/grant-row.ts';
import { GENESIS_HASH, pollLedger, readSnapshot } from '../../../core/store/ledger.ts';
import { writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition } from '../../../core/store/transition.ts';
import { migratedDatabase, type OpenDatabase } from './database.ts';
import { activated, reviewed, withdrawn } from './ledger-events.ts';

test('the snapshot of a new database is empty', async () => {
  const decision = (await migratedDatabase()).open('decision');
  expect(await readSnapshot(decision)).toEqual({
    epoch: expect.stringMatching(/^[0-9a-f-]{36}$/),
    revision: 0n,
    hash: GENESIS_HASH,
    basisRevision: 0n,
    grants: expect.objectContaining({ size: 0 }),
    entities: [],
    locks: [],
    policyDigest: undefined,
  });
});

test('the snapshot names the policy set activated last', async () => {
  const { open } = await migratedDatabase();
  const first = 'aa'.repeat(32);
  const second = 'bb'.repeat(32);
  const { revision } = await append(
    open('grant'),
    activated(first),
    activated(second),
    withdrawn(randomUUID()),
  );
  const snapshot = await readSnapshot(open('decision'));
  expect(snapshot).toMatchObject({ revision, basisRevision: 2n, policyDigest: second });
});

test('whoever starts from a snapshot is told the policy set of it, with its files', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const digest = 'aa'.repeat(32);
  const files = new Map([['access/a.cedar', 'permit (principal, action, resource);']]);
  await transition(grant, 0n, async (trx) => {
    await writePolicySet(trx, digest, files);
    return { events: [activated(digest)], result: undefined };
  });
  const told: unknown[] = [];
  const { policyDigest } = await readSnapshot(open('decision'), (...policySet) => told.push(policySet));
  expect(policyDigest).toBe(digest);
  expect(told).toEqual([[digest, files]]);
});

test('grants of a snapshot are those of their rows, to the millisecond', async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  await insertGrants(owner, 1_000, sql`'2030-01-01'::timestamptz + n * interval '1 millisecond'`);
  const { grants } = await readSnapshot(open('decision'));
  const rows = await owner.selectFrom('grants').selectAll().orderBy('expires_at').execute();
  const read = [...grants.all()].toSorted((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime());
  expect(read).toEqual(rows.map((row) => ({ ...toGrant(row), state: row.state })));
});

test('of many grants that expire at one instant a snapshot has each once', async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  await insertGrants(owner, 4_100, sql`'2030-01-01'::timestamptz`);
  const { grants } = await readSnapshot(open('decision'));
  expect(grants.size).toBe(4_100);
  expect(new Set(Array.from(grants.all(), ({ id }) => id)).size).toBe(4_100);
});

test('the snapshot has the grants that are live and the entities that are not deleted', async () => {
  const database = await migratedDatabase();
  const owner = database.open('owner');
  const live = await insertGrants(owner, 1, sql`clock_timestamp() + interval '1 hour'`);
  await insertGrants(owner, 1, sql`clock_timestamp()`);
  const ended = await insertGrants(owner, 1, sql`clock_timestamp() + interval '1 hour'`);
  await sql`UPDATE grants SET state = 'ENDED', end_reason = 'REVOKED', ended_at = starts_at WHERE request_id = ${ended}`.execute(
    owner,
  );
  await sql`INSERT INTO entities VALUES
    ('User::"ada"', 'User', 'ada', '{"uid":{"type":"User","id":"ada"},"attrs":{"n":9223372036854775807},"parents":[]}', NULL),
    ('User::"bob"', 'User', 'bob', '{"uid":{"type":"User","id":"bob"},"attrs":{},"parents":[]}', now())`.execute(
    owner,
  );
  const snapshot = await readSnapshot(database.open('decision'));
  expect(Array.from(snapshot.grants.all(), (grant) => grant.requestId)).toEqual([live]);
  expect(snapshot.entities).toEqual([
    {
      uid: { type: 'User', id: 'ada' },
      attributes: new Map([['n', { kind: 'long', value: 9223372036854775807n }]]),
      parents: [],
      tags: new Map(),
    },
  ]);
});

test('a snapshot of more than one page has everything once', { timeout: 120_000 }, async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  await insertGrants(owner, 5_003, sql`'2030-01-01'::timestamptz + (n / 7) * interval '1 second'`);
  await sql`INSERT INTO entities
    SELECT format('User::"%s"', n), 'User', n, format('{"uid":{"type":"User","id":"%s"},"attrs":{},"parents":[]}', n)
    FROM generate_series(1, 5003) AS n`.execute(owner);
  const { grants, entities } = await readSnapshot(open('decision'));
  expect(new Set(Array.from(grants.all(), ({ id }) => id)).size).toBe(5_003);
  expect(grants.size).toBe(5_003);
  expect(new Set(entities.map((entity) => entity.uid.id)).size).toBe(5_003);
  expect(entities).toHaveLength(5_003);
});

test('a snapshot is of one revision while others write', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const decision = open('decision');
  const writing = new AbortController();
  const writer = (async () => {
    for (let i = 0; !writing.signal.aborted; i++) {
      const uid = { type: 'User', id: String(i) };
      await transition(grant, BigInt(i), async (trx) => {
        const body = JSON.stringify({ uid, attrs: {}, parents: [] });
        await trx
          .insertInto('entities')
          .values({ uid: `User::"${i}"`, ...uid, body })
          .execute();
        return { events: [activated()], result: undefined };
      });
    }
  })();
  for (let look = 0; look < 20; look++) {
    const snapshot = await readSnapshot(decision);
    expect(snapshot.entities).toHaveLength(Number(snapshot.revision));
    expect(snapshot.basisRevision).toBe(snapshot.revision);
  }
  writing.abort();
  await writer;
});

test('D18 there is no snapshot of a standby', async () => {
  const database = await migratedDatabase();
  await makeStandby(database);
  await expect(readSnapshot(database.open('decision'))).rejects.toMatchObject({
    reason: 'DATABASE_UNAVAILABLE',
    message: 'the database is a standby, which may lag: connect to the writer',
  });
});

test('D18 a poll of a standby says so', async () => {
  const database = await migratedDatabase();
  await makeStandby(database);
  expect(await pollLedger(database.open('decision'), 0n, 10)).toMatchObject({ isStandby: true });
});

test('a poll finds what is beyond the cursor, at most as much as asked for, and where the ledger ends', async () => {
  const { open } = await migratedDatabase();
  const events = Array.from({ length: 5 }, (_, i) => reviewed(randomUUID(), `text ${i + 1}`));
  await append(open('grant'), ...events);
  const decision = open('decision');
  const rows = await open('owner').selectFrom('ledger').selectAll().orderBy('revision').execute();
  const poll = await pollLedger(decision, 2n, 2);
  expect(poll.events).toEqual(
    [2, 3].map((i) => ({
      revision: BigInt(i + 1),
      hash: rows[i]?.hash,
      previousHash: rows[i - 1]?.hash,
      event: events[i],
    })),
  );
  expect(poll).toMatchObject({
    isStandby: false,
    hashAtCursor: rows[1]?.hash,
    headRevision: 5n,
    headHash: rows[4]?.hash,
  });
});

test('a poll at the end finds nothing more, and the proof', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), withdrawn(randomUUID()));
  const poll = await pollLedger(open('decision'), 1n, 10);
  expect(poll).toMatchObject({ events: [], hashAtCursor: poll.headHash, headRevision: 1n });
});

test('before the first row every ledger has the same hash', async () => {
  const { open } = await migratedDatabase();
  expect((await pollLedger(open('decision'), 0n, 10)).hashAtCursor).toEqual(GENESIS_HASH);
});

test('a cursor beyond the end has no hash', async () => {
  const { open } = await migratedDatabase();
  expect((await pollLedger(open('decision'), 7n, 10)).hashAtCursor).toBeUndefined();
});

test('an erased text is missing from the event', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), reviewed(randomUUID(), 'private'));
  await sql`DELETE FROM ledger_text`.execute(open('owner'));
  const poll = await pollLedger(open('decision'), 0n, 10);
  expect(poll.events[0]?.event).not.toHaveProperty('text');
});

test("the database's time in a poll is that of the look", async () => {
  const { open } = await migratedDatabase();
  const decision = open('decision');
  const first = await pollLedger(decision, 0n, 10);
  const second = await pollLedger(decision, 0n, 10);
  expect(second.databaseAt.getTime()).toBeGreaterThanOrEqual(first.databaseAt.getTime());
  expect(Math.abs(second.databaseAt.getTime() - Date.now())).toBeLessThan(60_000);
});

function append(grant: Database, ...events: readonly LedgerEvent[]) {
  return transition(grant, 0n, async () => ({ events, result: undefined }));
}

/** Answers as a standby would: no right of the services is asked, and the search path prefers ours. */
async function makeStandby({ open }: OpenDatabase): Promise<void> {
  const owner = open('owner');
  await sql`CREATE FUNCTION pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`.execute(owner);
  const { rows } = await sql<{ statement: string }>`
    SELECT format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()) AS statement`.execute(
    owner,
  );
  await sql.raw(rows[0]?.statement ?? '').execute(owner);
}

/** Grants of one request, `expiresAt` an expression over `n`. */
async function insertGrants(
  owner: Database,
  count: number,
  expiresAt: ReturnType<typeof sql>,
): Promise<string> {
  const requestId = randomUUID();
  await sql`ALTER TABLE grants DROP CONSTRAINT IF EXISTS grants_request_item`.execute(owner);
  await sql`INSERT INTO grants (id, request_id, item, requester, subject, resource, actions, workflow, steps, reason, ticket,
      state, created_at, starts_at, expires_at, duration_ms, max_ms)
    SELECT gen_random_uuid(), ${requestId}, n, 'User::"ada"', 'User::"ada"', 'Database::"orders"', ARRAY['Action::"read"'], 'w', '{}', '', '',
      'ACTIVE', '2026-01-01', '2026-01-01', ${expiresAt}, 1, 9e15
    FROM generate_series(1, ${count}::int) AS n`.execute(owner);
  return requestId;
}
