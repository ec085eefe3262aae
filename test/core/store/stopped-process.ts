// Runs a transition that stands still where it is told to: with a row locked, or with its events appended.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { connect } from '../../../core/store/connect.ts';
import { transition } from '../../../core/store/transition.ts';
import { withdrawn } from './ledger-events.ts';

const [at] = process.argv.slice(2);
const database = connect({
  url: process.env['DATABASE_URL'] ?? '',
  name: 'stopped-process',
  poolSize: 1,
  statementTimeoutMs: 5_000,
  onConnectionLost: () => undefined,
});
const standStill = async (): Promise<void> => {
  process.send?.('here');
  await new Promise(() => undefined);
};
await transition(database, 0n, async (trx) => {
  await sql`SELECT FROM entities WHERE uid = 'User::"ada"' FOR UPDATE`.execute(trx);
  if (at === 'row') await standStill();
  return { events: [withdrawn(randomUUID())], result: undefined, confirm: standStill };
});
