import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type GrantServer, startGrantService } from '../../../../services/grant/service.ts';
import { LIFE, type Stack, startStack } from '../../../support/stack.ts';
import { database, submitted } from '../ask.ts';
import { granted, kindsOf, until } from '../life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Another replica. */
async function replica(hasJobs: boolean): Promise<GrantServer> {
  const service = await startGrantService({
    databaseUrl: stack.database.grantUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [stack.issuer.issuer],
    hasJobs,
    logger: stack.logger,
  });
  onTestFinished(() => service.close());
  return service;
}

/** Moves grants into the past, whole. */
async function age(ids: readonly string[], by = '1 day'): Promise<void> {
  await stack.query(
    `UPDATE grants SET created_at = created_at - $2::interval, starts_at = starts_at - $2::interval,
       expires_at = expires_at - $2::interval, last_used_at = last_used_at - $2::interval WHERE id = ANY($1)`,
    [ids, by],
  );
}

const recorded = (id: string) =>
  stack.query<{ state: string; end_reason: string | null }>(
    'SELECT state, end_reason FROM grants WHERE id = $1',
    [id],
  );

describe('the jobs', () => {
  it('write each lapse once, however many replicas do them', { timeout: 60_000 }, async () => {
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1) ids.push(await granted(stack, 'plain-1'));
    const requests: string[] = [];
    for (let index = 0; index < 5; index += 1)
      requests.push((await submitted(stack, 'ada', { resource: database('plain-2') })).id);
    await age(ids);
    await stack.query(
      `UPDATE request_items SET expires_at = now() - interval '1 minute' WHERE request_id = ANY($1)`,
      [requests],
    );
    await Promise.all([replica(true), replica(true)]);
    await until(
      () => stack.query(`SELECT FROM grants WHERE state <> 'ENDED' AND id = ANY($1)`, [ids]),
      (rows) => rows.length === 0,
    );
    for (const id of ids) expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
    const expired = await stack.query(
      `SELECT request_id FROM ledger WHERE kind = 'ITEM_EXPIRED' AND request_id = ANY($1)`,
      [requests],
    );
    expect(expired).toHaveLength(requests.length);
    expect(await recorded(ids[0] ?? '')).toEqual([{ state: 'ENDED', end_reason: 'EXPIRED' }]);
    expect(stack.logs.filter((line) => line.includes('jobs'))).toEqual([]);
  });
});
