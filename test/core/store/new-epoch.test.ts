import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startNewEpoch } from '../../../core/store/new-epoch.ts';
import { BasisChanged } from '../../../core/store/append.ts';
import { transition } from '../../../core/store/transition.ts';
import { verifyLedger } from '../../../core/store/verify-ledger.ts';
import { migratedDatabase } from './database.ts';
import { withdrawn } from './ledger-events.ts';

const LIVE = 1_203;

test('D10 a new epoch ends every grant that was live, writes it down, and can be run again', async () => {
  const owner = (await migratedDatabase()).open('owner');
  await sql`ALTER TABLE grants DROP CONSTRAINT grants_request_item`.execute(owner);
  await sql`INSERT INTO grants (id, request_id, item, requester, subject, resource, actions, workflow, steps, reason, ticket,
      state, created_at, starts_at, expires_at, duration_ms, max_ms, ended_at, end_reason)
    SELECT gen_random_uuid(), gen_random_uuid(), 0, 'User::"ada"', 'User::"ada"', 'Database::"orders"', ARRAY['Action::"read"'], 'w',
      '{}', '', '', state::grant_state, starts_at, starts_at, starts_at + interval '2 hours', 1, 9e15,
      CASE state WHEN 'ENDED' THEN starts_at END, CASE state WHEN 'ENDED' THEN 'RELEASED'::end_reason END
    FROM (
      SELECT 'ACTIVE' AS state, now() - interval '1 hour' AS starts_at FROM generate_series(1, ${LIVE}::int)
      UNION ALL SELECT 'ACTIVE', now() - interval '1 day'
      UNION ALL SELECT 'ENDED', now() - interval '1 hour'
    ) AS made`.execute(owner);
  const before = await epochOf();
  expect(await startNewEpoch(owner)).toBe(LIVE);
  const after = await epochOf();
  expect(after).not.toBe(before);
  const { rows } = await sql`
    SELECT end_reason, count(*)::int AS n, bool_and(ended_at BETWEEN starts_at AND expires_at) AS within FROM grants
    GROUP BY end_reason ORDER BY n DESC`.execute(owner);
  expect(rows).toEqual([
    { end_reason: 'REVOKED', n: LIVE, within: true },
    { end_reason: null, n: 1, within: null },
    { end_reason: 'RELEASED', n: 1, within: true },
  ]);
  expect(await verifyLedger(owner, 1n)).toMatchObject({ intact: true, lastRevision: BigInt(LIVE) });
  expect(await startNewEpoch(owner)).toBe(0);
  expect(await epochOf()).not.toBe(after);

  async function epochOf(): Promise<string> {
    return (await owner.selectFrom('ledger_head').select('epoch').executeTakeFirstOrThrow()).epoch;
  }
});

test('D10 what was decided on another history is not appended', async () => {
  const grant = (await migratedDatabase()).open('grant');
  const { epoch } = await grant.selectFrom('ledger_head').select('epoch').executeTakeFirstOrThrow();
  const write = (of: string) =>
    transition(grant, { revision: 0n, epoch: of }, async () => ({
      events: [withdrawn(randomUUID())],
      result: undefined,
    }));
  await expect(write(randomUUID())).rejects.toThrow(BasisChanged);
  expect((await write(epoch)).revision).toBe(1n);
});
