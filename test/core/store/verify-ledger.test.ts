import { randomUUID } from 'node:crypto';
import { CompiledQuery, sql } from 'kysely';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { GENESIS_HASH } from '../../../core/store/ledger.ts';
import { transition } from '../../../core/store/transition.ts';
import { verifyLedger } from '../../../core/store/verify-ledger.ts';
import { migratedDatabase, sharedDatabase, type OpenDatabase } from './database.ts';
import { activated, reviewed, withdrawn } from './ledger-events.ts';

const LENGTH = 24;

test('an empty ledger is intact', async () => {
  const grant = (await migratedDatabase()).open('grant');
  expect(await verifyLedger(grant, 0n)).toEqual({
    intact: true,
    firstRevision: 0n,
    lastRevision: 0n,
    headHash: GENESIS_HASH,
    faults: [],
  });
});

test('a ledger that only transitions wrote is intact, from wherever it is checked', async () => {
  const { grant } = await filledLedger();
  const { hash: headHash } = await grant.selectFrom('ledger_head').select('hash').executeTakeFirstOrThrow();
  const lastRevision = BigInt(LENGTH);
  for (const from of [0n, 1n, 2n, 13n, lastRevision]) {
    const firstRevision = from === 0n ? 1n : from;
    expect(await verifyLedger(grant, from)).toEqual({
      intact: true,
      firstRevision,
      lastRevision,
      headHash,
      faults: [],
    });
  }
});

test('from just behind the head there is nothing to check', async () => {
  const { grant } = await filledLedger();
  const verdict = await verifyLedger(grant, BigInt(LENGTH + 1));
  expect(verdict).toMatchObject({ intact: true, firstRevision: 0n, lastRevision: 0n });
});

test('L2 a ledger that ends before the first revision to check is not intact', async () => {
  const { grant } = await filledLedger();
  const verdict = await verifyLedger(grant, BigInt(LENGTH + 3));
  expect(verdict).toMatchObject({
    intact: false,
    faults: [{ revision: BigInt(LENGTH + 2), description: `missing: the head is at ${LENGTH}` }],
  });
});

test('a ledger of several pages is checked to its end', { timeout: 120_000 }, async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const events = Array.from({ length: 2_501 }, () => reviewed(randomUUID()));
  for (let i = 0; i < 4; i++) await transition(grant, 0n, async () => ({ events, result: undefined }));
  expect(await verifyLedger(grant, 1n)).toMatchObject({ intact: true, lastRevision: 10_004n });
  await sql`UPDATE ledger SET actor = 'x' WHERE revision IN (5000, 5001, 10001)`.execute(open('owner'));
  const { faults } = await verifyLedger(grant, 1n);
  expect(faults.map((fault) => fault.revision)).toEqual([5000n, 5001n, 10001n]);
});

test('an erased text is no fault', async () => {
  const { grant, owner } = await filledLedger();
  await sql`DELETE FROM ledger_text`.execute(owner);
  expect(await verifyLedger(grant, 1n)).toMatchObject({ intact: true });
});

test('at most a hundred faults are told, and there the check ends', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const events = Array.from({ length: 150 }, () => withdrawn(randomUUID()));
  await transition(grant, 0n, async () => ({ events, result: undefined }));
  await sql`UPDATE ledger SET actor = 'x'`.execute(open('owner'));
  const verdict = await verifyLedger(grant, 1n);
  expect(verdict).toMatchObject({ intact: false, lastRevision: 100n });
  expect(verdict.faults).toHaveLength(100);
});

test('L5 a fault does not tell what the row says', async () => {
  const { grant, owner } = await filledLedger();
  await sql`UPDATE ledger_text SET text = 'secret' WHERE revision = 1`.execute(owner);
  await sql`UPDATE ledger SET actor = 'secret', body = 'secret' WHERE revision = 2`.execute(owner);
  const { faults } = await verifyLedger(grant, 1n);
  expect(faults.map((fault) => fault.revision)).toEqual([1n, 2n, 2n]);
  expect(faults.map((fault) => fault.description).join()).not.toContain('secret');
});

interface Tampering {
  readonly name: string;
  /** What the owner of the database does; `$1` and `$2` are two different revisions. */
  readonly statement: string;
  /** Where it must be found. */
  readonly at: (one: number, other: number) => number;
}

const here = (one: number): number => one;
const next = (one: number): number => Math.min(one + 1, LENGTH);

const tamperings: readonly Tampering[] = [
  ...[
    `at = at + interval '1 millisecond'`,
    `at = 'infinity'`,
    `kind = 'GRANT_STARTED'`,
    `actor = actor || ' '`,
    `request_id = gen_random_uuid()`,
    `request_id = CASE WHEN request_id IS NULL THEN gen_random_uuid() END`,
    `grant_id = gen_random_uuid()`,
    `body = replace(body, 'User', 'Robot')`,
    `body = body || ' '`,
    `body = '[]'`,
    `body = ''`,
    `previous_hash = sha256(previous_hash)`,
    `hash = sha256(hash)`,
  ].map(
    (change): Tampering => ({
      name: change,
      statement: `UPDATE ledger SET ${change} WHERE revision = $1 AND $2 > 0`,
      at: here,
    }),
  ),
  {
    name: 'a row deleted',
    statement: `WITH text AS (DELETE FROM ledger_text WHERE revision = $1 AND $2 > 0) DELETE FROM ledger WHERE revision = $1`,
    at: here,
  },
  {
    name: 'a row put behind the head',
    statement: `INSERT INTO ledger SELECT ${LENGTH} + 1, at, kind, actor, request_id, grant_id, body, previous_hash, hash FROM ledger WHERE revision = $1 AND $2 > 0`,
    at: () => LENGTH + 1,
  },
  {
    name: 'two bodies swapped',
    statement: `UPDATE ledger SET body = other.body FROM ledger AS other WHERE ledger.revision IN ($1, $2) AND other.revision = $1::bigint + $2::bigint - ledger.revision`,
    at: Math.min,
  },
  {
    name: 'two rows swapped but for their hashes',
    statement: `UPDATE ledger SET at = other.at, kind = other.kind, actor = other.actor, request_id = other.request_id, body = other.body FROM ledger AS other WHERE ledger.revision IN ($1, $2) AND other.revision = $1::bigint + $2::bigint - ledger.revision`,
    at: Math.min,
  },
  {
    name: 'two rows swapped whole',
    statement: `UPDATE ledger SET at = other.at, kind = other.kind, actor = other.actor, request_id = other.request_id, body = other.body, hash = other.hash, previous_hash = other.previous_hash FROM ledger AS other WHERE ledger.revision IN ($1, $2) AND other.revision = $1::bigint + $2::bigint - ledger.revision`,
    at: Math.min,
  },
  {
    name: 'a row written anew with a hash that fits',
    statement: `UPDATE ledger SET body = replace(body, 'User', 'Robot'), actor = replace(actor, 'User', 'Robot'), hash = sha256('\\x01'::bytea || previous_hash || sha256('\\x00'::bytea || convert_to(replace(body, 'User', 'Robot'), 'UTF8'))) WHERE revision = $1 AND $2 > 0`,
    at: next,
  },
  {
    name: 'the tail cut',
    statement: `WITH text AS (DELETE FROM ledger_text WHERE revision >= $1 AND $2 > 0) DELETE FROM ledger WHERE revision >= $1`,
    at: here,
  },
  {
    name: 'a text changed',
    statement: `UPDATE ledger_text SET text = text || '.' WHERE revision = ($1::bigint + 1) / 2 * 2 - 1 AND $2 > 0`,
    at: (one) => Math.floor((one + 1) / 2) * 2 - 1,
  },
  {
    name: 'the salt of a text changed',
    statement: `UPDATE ledger_text SET salt = sha256(salt) WHERE revision = ($1::bigint + 1) / 2 * 2 - 1 AND $2 > 0`,
    at: (one) => Math.floor((one + 1) / 2) * 2 - 1,
  },
  {
    name: 'a text put where there was none',
    statement: `INSERT INTO ledger_text SELECT ($1::bigint + 1) / 2 * 2, salt, text FROM ledger_text WHERE revision = 1 AND $2 > 0`,
    at: (one) => Math.floor((one + 1) / 2) * 2,
  },
  {
    name: 'the hash of the head changed',
    statement: `UPDATE ledger_head SET hash = sha256(hash) WHERE $1 > 0 AND $2 > 0`,
    at: () => LENGTH,
  },
  {
    name: 'the head set back',
    statement: `UPDATE ledger_head SET revision = ${LENGTH - 1} WHERE $1 > 0 AND $2 > 0`,
    at: () => LENGTH,
  },
  {
    name: 'the head set forward',
    statement: `UPDATE ledger_head SET revision = ${LENGTH + 1} WHERE $1 > 0 AND $2 > 0`,
    at: () => LENGTH + 1,
  },
  {
    name: 'the basis set back',
    statement: `UPDATE ledger_head SET basis_revision = 0 WHERE $1 > 0 AND $2 > 0`,
    at: () => LENGTH,
  },
  {
    name: 'the basis set forward',
    statement: `UPDATE ledger_head SET basis_revision = revision WHERE $1 > 0 AND $2 > 0`,
    at: () => LENGTH,
  },
];

describe('a ledger that its owner tampered with', () => {
  const shared = sharedDatabase();
  let ledger: Filled;
  beforeAll(async () => {
    ledger = await fill(shared());
    for (const table of TABLES)
      await sql`CREATE TABLE ${sql.table(`${table}_saved`)} AS TABLE ${sql.table(table)}`.execute(
        ledger.owner,
      );
  });

  test.for(tamperings)('L2 $name is found where it was done', { timeout: 120_000 }, async (tampering) => {
    const { grant, owner } = ledger;
    const revision = fc.integer({ min: 1, max: LENGTH });
    await fc.assert(
      fc.asyncProperty(revision, revision, async (one, other) => {
        fc.pre(one !== other);
        const { numAffectedRows } = await owner.executeQuery(
          CompiledQuery.raw(tampering.statement, [one, other]),
        );
        const verdict = await verifyLedger(grant, 1n);
        await restore(owner);
        expect(numAffectedRows).toBeGreaterThan(0n);
        expect(verdict.faults[0]?.revision).toBe(BigInt(tampering.at(one, other)));
        expect(verdict.intact).toBe(false);
      }),
      { numRuns: 12 },
    );
    expect(await verifyLedger(grant, 1n)).toMatchObject({ intact: true });
  });
});

interface Filled {
  readonly grant: Database;
  readonly owner: Database;
}

async function filledLedger(): Promise<Filled> {
  return fill(await migratedDatabase());
}

/** A text at every odd revision, the last change of the basis at 2. */
async function fill({ open }: OpenDatabase): Promise<Filled> {
  const grant = open('grant');
  const events = Array.from({ length: LENGTH }, (_, i) => {
    if (i === 1) return activated();
    return i % 2 === 0 ? reviewed(randomUUID()) : withdrawn(randomUUID());
  });
  await transition(grant, 0n, async () => ({ events, result: undefined }));
  return { grant, owner: open('owner') };
}

const TABLES = ['ledger', 'ledger_head', 'ledger_text'] as const;

async function restore(owner: Database): Promise<void> {
  const statements = [
    ...TABLES.toReversed().map((table) => `DELETE FROM ${table}`),
    ...TABLES.map((table) => `INSERT INTO ${table} TABLE ${table}_saved`),
  ];
  await owner.executeQuery(CompiledQuery.raw(statements.join(';')));
}
