import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { EndReason, RequestState } from '../../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { readConfig } from '../../../../services/grant/config.ts';
import { LIFE, type Stack, startStack } from '../../../support/stack.ts';
import { database, submitted } from '../ask.ts';
import { decided, granted, grantOf, until } from '../life.ts';
import { age, letLapse, recordOf, replica, replicaProcess, untilEnded } from './replica.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;

async function manyGranted(count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await granted(stack, 'plain-1'));
  return ids;
}

/** Keeps the row locked. @returns what lets it go */
async function hold(id: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: stack.database.ownerUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  await client.query('SELECT FROM grants WHERE id = $1 FOR UPDATE', [id]);
  return async () => {
    await client.query('ROLLBACK');
  };
}

const jobsInState = (state: string) =>
  stack.query(`SELECT id FROM pgboss.job WHERE name = 'lapses' AND state = $1::pgboss.job_state`, [state]);

describe('the jobs', () => {
  it('write each lapse once, however many replicas do them', { timeout: 120_000 }, async () => {
    const ids = await manyGranted(20);
    const requests: string[] = [];
    for (let index = 0; index < 5; index += 1)
      requests.push((await submitted(stack, 'ada', { resource: database('plain-2') })).id);
    await age(stack, ids);
    await letLapse(stack, requests);
    await Promise.all([replica(stack), replica(stack)]);
    await untilEnded(stack, ids);
    for (const id of ids) {
      const kinds = ['GRANT_STARTED', 'GRANT_ENDED'];
      expect(await recordOf(stack, id)).toEqual({ state: 'ENDED', endReason: 'EXPIRED', kinds });
    }
    const lapsed = await stack.query(
      `SELECT request_id FROM ledger WHERE kind = 'ITEM_EXPIRED' AND request_id = ANY($1)`,
      [requests],
    );
    expect(lapsed).toHaveLength(requests.length);
    expect(stack.logs.filter((line) => line.includes('job'))).toEqual([]);
  });

  it('write what time has done to each kind of grant', { timeout: 120_000 }, async () => {
    const startsAt = new Date(Date.now() + HOUR_MS);
    const scheduled = await granted(stack, 'plain-1', { startsAt, seconds: 7_200 });
    const unclaimed = await granted(stack, 'claim-1');
    const idle = await granted(stack, 'idle-1', { seconds: 7_200 });
    await age(stack, [scheduled], '70 minutes');
    await age(stack, [unclaimed]);
    await age(stack, [idle], '1 hour');
    await replica(stack);
    await untilEnded(stack, [unclaimed, idle]);
    await until(
      () => recordOf(stack, scheduled),
      (record) => JSON.stringify(record).includes('ACTIVE'),
    );
    expect(await recordOf(stack, unclaimed)).toMatchObject({ endReason: 'UNCLAIMED' });
    expect(await recordOf(stack, idle)).toMatchObject({ endReason: 'IDLE' });
    expect(await recordOf(stack, scheduled)).toEqual({
      state: 'ACTIVE',
      endReason: null,
      kinds: ['GRANT_STARTED', 'GRANT_OPENED'],
    });
  });

  it('go on past what cannot be written, and say what that was', { timeout: 120_000 }, async () => {
    const ids = await manyGranted(3);
    await age(stack, ids);
    const [poisoned = '', ...others] = ids;
    await age(stack, [poisoned]);
    await stack.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$`,
    );
    await stack.query(
      `CREATE TRIGGER refuse BEFORE UPDATE ON grants FOR EACH ROW WHEN (OLD.id = '${poisoned}') EXECUTE FUNCTION refuse()`,
    );
    onTestFinished(async () => void (await stack.query('DROP FUNCTION refuse CASCADE')));
    await replica(stack);
    await untilEnded(stack, others);
    await expect
      .poll(() => stack.logs.some((line) => line.includes('could not do all')), { timeout: 30_000 })
      .toBe(true);
    expect(await recordOf(stack, poisoned)).toMatchObject({ state: 'ACTIVE' });
    expect(stack.logs.some((line) => line.includes(poisoned))).toBe(true);
  });

  it('of a process that was killed are taken over by another', { timeout: 120_000 }, async () => {
    const ids = await manyGranted(3);
    await age(stack, ids);
    const letGo = await hold(ids[0] ?? '');
    const { child } = await replicaProcess(stack);
    await until(
      () => jobsInState('active'),
      (jobs) => jobs.length === 1,
    );
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await letGo();
    expect(await jobsInState('active')).toHaveLength(1);
    // Time passes in which it is not heard of.
    await stack.query(
      `UPDATE pgboss.job SET heartbeat_on = heartbeat_on - interval '1 minute' WHERE state = 'active'`,
    );
    await replica(stack);
    await untilEnded(stack, ids);
    for (const id of ids)
      expect(await recordOf(stack, id)).toMatchObject({ kinds: ['GRANT_STARTED', 'GRANT_ENDED'] });
  });

  it('that cannot be had are said once, and done when they can', { timeout: 120_000 }, async () => {
    const trouble = () => stack.logs.filter((line) => line.includes('there is trouble with the jobs'));
    const told = trouble().length;
    await stack.query('ALTER SCHEMA pgboss RENAME TO away');
    await replica(stack);
    await expect.poll(() => trouble().length, { timeout: 30_000 }).toBeGreaterThan(told);
    const ids = await manyGranted(1);
    await age(stack, ids);
    await stack.query('ALTER SCHEMA away RENAME TO pgboss');
    await untilEnded(stack, ids);
    expect(trouble()).toHaveLength(told + 1);
  });
});

describe('without jobs', () => {
  it('what is over reads as over everywhere, and nothing has been written', {
    timeout: 120_000,
  }, async () => {
    const id = await granted(stack, 'plain-3', { seconds: 1 });
    const request = await submitted(stack, 'ada', { resource: database('plain-2') });
    await letLapse(stack, [request.id]);
    await replicaProcess(stack, { CURFEW_JOBS: 'off' });
    await until(
      () => stack.query('SELECT FROM grants WHERE id = $1 AND expires_at < clock_timestamp()', [id]),
      (rows) => rows.length === 1,
    );
    expect(await decided(stack, { resource: 'plain-3' })).toBe('DENY');
    const { grants } = (await stack.as('ada')).services;
    await until(
      () => grantOf(stack, id),
      ({ endReason }) => endReason === EndReason.EXPIRED,
    );
    const listed = (await grants.listGrants({})).grants.find((grant) => grant.id === id);
    expect(listed).toMatchObject({ endReason: EndReason.EXPIRED });
    const read = await grants.getAccessRequest({ id: request.id });
    expect(read.request?.state).toBe(RequestState.EXPIRED);
    expect(await recordOf(stack, id)).toMatchObject({ state: 'ACTIVE', kinds: ['GRANT_STARTED'] });
    const sessions = await stack.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'curfew-grant-jobs' AND datname = current_database()`,
    );
    expect(sessions).toEqual([]);
  });

  it('CURFEW_JOBS is on unless it says off', () => {
    const env = {
      CURFEW_DATABASE_URL: 'postgres://curfew_grant:secret@127.0.0.1/curfew',
      CURFEW_OIDC_ISSUER: 'https://issuer.example',
      CURFEW_OIDC_JWKS: 'https://issuer.example/keys',
      CURFEW_OIDC_AUDIENCE: 'curfew',
    };
    expect(readConfig(env).jobs.isOn).toBe(true);
    expect(readConfig({ ...env, CURFEW_JOBS: 'off' }).jobs.isOn).toBe(false);
    expect(() => readConfig({ ...env, CURFEW_JOBS: '0' })).toThrow(/CURFEW_JOBS.*on or off/s);
  });
});
