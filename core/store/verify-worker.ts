import { parentPort, workerData } from 'node:worker_threads';
import { AccessError } from '../access/access-error.ts';
import { connect } from './connect.ts';
import type { VerifyMessage, VerifyTask } from './verify-aside.ts';
import { verifyLedger } from './verify-ledger.ts';

/** The thread of `verifyAside`: verifies, tells what it found, and ends. */
async function verify({ databaseUrl, name, from }: VerifyTask): Promise<VerifyMessage> {
  const database = connect({
    url: databaseUrl,
    name,
    poolSize: 1,
    statementTimeoutMs: 5_000,
    onConnectionLost: () => undefined, // what is being read fails then
  });
  try {
    return { kind: 'verdict', verdict: await verifyLedger(database, from) };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return { kind: 'refused', reason: error.reason, message: error.message };
  } finally {
    await database.destroy();
  }
}

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only, started by verifyAside');
port.postMessage(await verify(workerData as VerifyTask)); // verifyAside is the only one that starts it
