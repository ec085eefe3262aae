import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { verifyLedger } from '../../../core/store/verify-ledger.ts';
import { sharedDatabase } from './database.ts';
import { makeLedger } from './long-ledger.ts';
import { tamperingOf, verifyTampered } from './tampering.ts';

const LENGTH = 200;
const TAMPERINGS = 100;

const shared = sharedDatabase();
let owner: Database;

beforeAll(async () => {
  owner = shared().open('owner');
  await makeLedger(owner, LENGTH);
  // It would keep the owner from some of it; whoever is the owner can take it away.
  await sql`ALTER TABLE ledger_text DROP CONSTRAINT ledger_text_revision`.execute(owner);
});

test('L2 L3 each of a hundred random edits, deletions, insertions, swaps and cuts is found', {
  timeout: 120_000,
}, async () => {
  expect(await verifyLedger(owner, 1n)).toMatchObject({ intact: true, lastRevision: BigInt(LENGTH) });
  // Other seeds in every run: what is missed is named by its seed.
  const first = Math.floor(Math.random() * 2 ** 31);
  const missed: string[] = [];
  for (let seed = first; seed < first + TAMPERINGS; seed += 1) {
    const tampering = tamperingOf(seed, LENGTH);
    const { intact } = await verifyTampered(owner, tampering);
    if (intact) missed.push(`seed ${seed}: ${tampering.name}`);
  }
  expect(missed).toEqual([]);
  expect(await verifyLedger(owner, 1n)).toMatchObject({ intact: true });
});
