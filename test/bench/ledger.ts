import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Curfew } from '../../clients/sdk/index.ts';
import { connect, type Database } from '../../core/store/connect.ts';
import { verifyLedger } from '../../core/store/verify-ledger.ts';
import { startPostgres } from '../../deploy/local/postgres.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { makeLedger } from '../core/store/long-ledger.ts';
import { tamperingOf, verifyTampered } from '../core/store/tampering.ts';
import { onServer, ROLE_PASSWORDS, urlOfDatabase } from '../support/postgres-server.ts';
import { start } from '../support/running.ts';
import { summarize } from './summary.ts';

const ROWS = 1_000_000;
const TAMPERED_ROWS = 2_000;
const TAMPERINGS = 1_000;
const WANTED_MS = 30_000;

/** How long a grant service takes to verify a million rows, and to answer others meanwhile; and that no tampering passes. */
export async function ledger(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-bench-ledger-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(directory, { recursive: true }));
  const server = await startPostgres({ directory, durable: false });
  cleanup.defer(() => server.stop());
  await tamper(await filled(server.url, { name: 'tampered', rows: TAMPERED_ROWS }));
  await verify(await filled(server.url, { name: 'long', rows: ROWS }));
}

/** @returns the owner's way to a database of its own whose ledger has so many rows */
async function filled(
  serverUrl: string,
  { name, rows }: { readonly name: string; readonly rows: number },
): Promise<string> {
  await onServer(serverUrl, `CREATE DATABASE ${name}`);
  const ownerUrl = urlOfDatabase(serverUrl, name);
  await migrate({ ownerUrl, passwords: ROLE_PASSWORDS });
  const startedAt = performance.now();
  await asOwner(ownerUrl, (owner) => makeLedger(owner, rows));
  console.log(`${rows} rows made in ${seconds(performance.now() - startedAt)}`);
  return ownerUrl;
}

async function asOwner<T>(url: string, work: (owner: Database) => Promise<T>): Promise<T> {
  const statementTimeoutMs = 600_000;
  const onConnectionLost = (): void => undefined; // what is being done fails then
  const owner = connect({ url, name: 'curfew-bench', poolSize: 1, statementTimeoutMs, onConnectionLost });
  try {
    return await work(owner);
  } finally {
    await owner.destroy();
  }
}

async function verify(ownerUrl: string): Promise<void> {
  const before = process.cpuUsage();
  await asOwner(ownerUrl, (owner) => verifyLedger(owner, 1n));
  const { user, system } = process.cpuUsage(before);
  console.log(
    `to verify ${ROWS} rows takes ${seconds((user + system) / 1_000)} of a processor, the database's not counted`,
  );
  await using running = await start({ CURFEW_DATABASE_URL: ownerUrl });
  const [auditor, other] = await Promise.all([running.as('dorothy'), running.as('ada')]);
  const done = new AbortController();
  const answers = answerTimes(other, done.signal);
  const startedAt = performance.now();
  const found = await auditor.services.ledger.verifyLedger({}, { timeoutMs: 600_000 });
  const tookMs = performance.now() - startedAt;
  done.abort();
  console.log(
    `revisions ${found.firstRevision} to ${found.lastRevision} verified in ${seconds(tookMs)}, wanted ${seconds(WANTED_MS)}: ${found.intact ? 'intact' : 'NOT INTACT'}`,
  );
  console.log(summarize('others meanwhile', await answers));
  if (!found.intact || tookMs > WANTED_MS) process.exitCode = 1;
}

const BETWEEN_CALLS_MS = 20;

/** Calls the same service as a person's screen would, now and then. */
async function answerTimes(curfew: Curfew, signal: AbortSignal): Promise<readonly number[]> {
  const timesMs: number[] = [];
  while (!signal.aborted) {
    const askedAt = performance.now();
    await curfew.services.grants.listGrants({});
    timesMs.push(performance.now() - askedAt);
    await delay(BETWEEN_CALLS_MS);
  }
  return timesMs;
}

async function tamper(ownerUrl: string): Promise<void> {
  const first = Math.floor(Math.random() * 2 ** 31);
  const missed = await asOwner(ownerUrl, async (owner) => {
    // It would keep the owner from some of it; whoever is the owner can take it away.
    await sql`ALTER TABLE ledger_text DROP CONSTRAINT ledger_text_revision`.execute(owner);
    const passed: string[] = [];
    for (let seed = first; seed < first + TAMPERINGS; seed += 1) {
      const tampering = tamperingOf(seed, TAMPERED_ROWS);
      if ((await verifyTampered(owner, tampering)).intact) passed.push(`seed ${seed}: ${tampering.name}`);
    }
    return passed;
  });
  const seeds = `seeds ${first} to ${first + TAMPERINGS - 1}`;
  console.log(`${TAMPERINGS - missed.length} of ${TAMPERINGS} tamperings found (${seeds})`);
  for (const each of missed) console.log(`missed: ${each}`);
  if (missed.length > 0) process.exitCode = 1;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
