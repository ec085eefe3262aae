import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import type { Entity } from '../../../core/access/entity.ts';
import { entityToJson } from '../../../core/access/entity-json.ts';
import { digestOf, readPolicyFolder } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { type Followed, type FollowOptions, follow } from '../../../core/replica/follow.ts';
import type { Database } from '../../../core/store/connect.ts';
import { writeEntities } from '../../../core/store/entities.ts';
import { say } from '../../../services/grant/said-entity.ts';
import { type StoredFiles, writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition } from '../../../core/store/transition.ts';
import { append } from '../feed/following.ts';
import { migratedDatabase, type OpenDatabase } from '../store/database.ts';
import { activated } from '../store/ledger-events.ts';
import { tcpProxy } from '../store/tcp-proxy.ts';
import { patiently } from '../store/patiently.ts';

const hour = 3_600_000;
const office = fileURLToPath(new URL('../../support/office', import.meta.url));

test('a replica follows by the bell, long before it would look by itself', async () => {
  const database = await migratedDatabase();
  const { follower, clock } = following(database, { pollMs: hour });
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  await append(database.open('grant'), 3);
  await expect.poll(() => follower.revision, patiently).toBe(3n);
});

test('D6 a replica whose listener was killed follows by its own looks', async () => {
  const database = await migratedDatabase();
  const [owner, grant] = [database.open('owner'), database.open('grant')];
  await append(grant, 1);
  const { follower, clock } = following(database, { pollMs: 10 });
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  await expect.poll(() => sessions(owner, 'curfew-doorbell'), patiently).toBe(1);
  // Room for the follower and the writer: the listener does not come back.
  const { rows } = await sql<{ name: string }>`SELECT current_database() AS name`.execute(owner);
  await sql`ALTER DATABASE ${sql.id(rows[0]?.name ?? '')} CONNECTION LIMIT 2`.execute(owner);
  await sql`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'curfew-doorbell'`.execute(owner);
  const revision = await append(grant, 2);
  await expect.poll(() => follower.revision, patiently).toBe(revision);
  expect(await sessions(owner, 'curfew-doorbell')).toBe(0);
});

test('what happened while the database could not be reached arrives, even where a text was erased since', async () => {
  const database = await migratedDatabase();
  const grant = database.open('grant');
  const proxy = await tcpProxy(database.urlOf('decision'));
  const { replica, follower } = following(database, {
    databaseUrl: proxy.through(database.urlOf('decision')),
    pollMs: 10,
  });
  await expect.poll(() => follower.revision, patiently).toBe(0n);
  await proxy.cut();
  await applyEntity(grant, 'ada');
  await applyEntity(grant, 'bob');
  await sql`DELETE FROM ledger_text WHERE revision = 1`.execute(database.open('owner'));
  await proxy.mend();
  await expect.poll(() => replica.revision, patiently).toBe(2n);
  expect([...replica.directory.all()].map((entity) => entity.uid.id)).toEqual(['ada', 'bob']);
});

test('the policy set that the ledger names is loaded, with the replica and after it', {
  timeout: 120_000,
}, async () => {
  const database = await migratedDatabase();
  const grant = database.open('grant');
  const files = await readPolicyFolder(office);
  const digest = digestOf(files);
  const early = following(database);
  expect(early.replica.policies).toEqual({ kind: 'none' });
  await putInForce(grant, digest, files);
  await expect.poll(() => early.replica.policies, patiently).toMatchObject({ kind: 'ready', digest });
  const late = following(database);
  await expect.poll(() => late.replica.policies, patiently).toMatchObject({ kind: 'ready', digest });
  expect(late.replica.engine.policies.digest).toBe(digest);
});

test('a set that this process has examined already is not examined again', { timeout: 120_000 }, async () => {
  const database = await migratedDatabase();
  const files = await readPolicyFolder(office);
  const digest = digestOf(files);
  const loaded = await loadPolicies(files);
  if (!loaded.ok) throw new Error('the office loads');
  const { replica, loadedPolicies } = following(database);
  loadedPolicies.set(digest, loaded.policies);
  await putInForce(database.open('grant'), digest, files);
  await expect.poll(() => replica.policies.kind, patiently).toBe('ready');
  expect(replica.engine.policies).toBe(loaded.policies);
  expect(loadedPolicies.size).toBe(0);
});

test('a set that the database does not have permits nothing here, and the ledger is followed on', async () => {
  const database = await migratedDatabase();
  const grant = database.open('grant');
  const errors: string[] = [];
  const { replica, follower } = following(database, { log: logTo(errors) });
  await append(grant, [activated('ab'.repeat(32))]);
  await append(grant, 1);
  await expect.poll(() => follower.revision, patiently).toBe(2n);
  expect(replica.policies).toMatchObject({ kind: 'failed', why: 'the database does not have it' });
  expect(errors).toEqual(['the policy set in force cannot be loaded: nothing is permitted']);
});

test('P2 files that are not those of their digest are not put in force', async () => {
  const database = await migratedDatabase();
  const files = await readPolicyFolder(office);
  const forged = new Map(files).set('access/mine.cedar', '@id("mine") permit (principal, action, resource);');
  const { replica, follower } = following(database);
  await putInForce(database.open('grant'), digestOf(files), forged);
  await expect.poll(() => follower.revision, patiently).toBe(1n);
  expect(replica.policies).toMatchObject({
    kind: 'failed',
    why: 'the database has other files under its digest',
  });
});

test('a set with a bad policy permits nothing here, and says where it is bad', {
  timeout: 120_000,
}, async () => {
  const database = await migratedDatabase();
  const files = new Map(await readPolicyFolder(office)).set('access/bad.cedar', 'permit (principal');
  const { replica, follower } = following(database);
  await putInForce(database.open('grant'), digestOf(files), files);
  await expect.poll(() => follower.revision, patiently).toBe(1n);
  expect(replica.policies).toMatchObject({
    kind: 'failed',
    why: expect.stringContaining('access/bad.cedar:1'),
  });
});

test.for(['at hand', 'away', 'silent'])(
  'a process that stops following has nothing left to run when the database is %s',
  async (state) => {
    const database = await migratedDatabase();
    const proxy = await tcpProxy(database.urlOf('decision'));
    const child = fork(fileURLToPath(new URL('follow-process.ts', import.meta.url)), {
      env: { ...process.env, DATABASE_URL: proxy.through(database.urlOf('decision')) },
    });
    onTestFinished(() => void child.kill());
    await once(child, 'message');
    if (state === 'away') await proxy.cut();
    if (state === 'silent') proxy.hang();
    child.send('close');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await expect.poll(() => sessions(database.open('owner'), 'follow-process'), patiently).toBe(0);
  },
);

function following(database: OpenDatabase, options: Partial<FollowOptions> = {}): Followed {
  const followed = follow({
    databaseUrl: database.urlOf('decision'),
    name: 'following',
    log: logTo([]),
    ...options,
  });
  onTestFinished(() => followed.close());
  return followed;
}

function logTo(errors: string[]): FollowOptions['log'] {
  return { info: () => undefined, error: (_, message) => errors.push(message) };
}

async function sessions(owner: Database, name: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ${name}`.execute(owner);
  return rows[0]?.n ?? 0;
}

async function applyEntity(grant: Database, id: string): Promise<void> {
  const entity: Entity = { uid: { type: 'User', id }, attributes: new Map(), parents: [], tags: new Map() };
  const basis = await grant.selectFrom('ledger_head').select('basis_revision').executeTakeFirstOrThrow();
  await transition(grant, basis.basis_revision, async (trx) => {
    await writeEntities(trx, [say(entity)]);
    const text = JSON.stringify([entityToJson(entity)]);
    const at = new Date();
    const actor = 'User::"ada"';
    return { events: [{ kind: 'ENTITIES_APPLIED', at, actor, entities: [], text }], result: undefined };
  });
}

async function putInForce(grant: Database, digest: string, files: StoredFiles): Promise<void> {
  await transition(grant, 0n, async (trx) => {
    await writePolicySet(trx, digest, files);
    return { events: [activated(digest)], result: undefined };
  });
}
