import { Worker } from 'node:worker_threads';
import { AccessError, type Reason } from '../access/access-error.ts';
import type { LedgerVerdict } from './verify-ledger.ts';

/** What the worker is started with. */
export interface VerifyTask {
  readonly databaseUrl: string;
  readonly name: string;
  readonly from: bigint;
}

/** What the worker tells, once. */
export type VerifyMessage =
  | { readonly kind: 'verdict'; readonly verdict: LedgerVerdict }
  | { readonly kind: 'refused'; readonly reason: Reason; readonly message: string };

/**
 * `verifyLedger` in a thread and on a connection of its own: it takes about 15 s for a million rows, in which the process goes on
 * answering. It ends with the signal.
 * @throws AccessError DATABASE_UNAVAILABLE
 * @throws Error when the signal ends it
 */
export async function verifyAside(task: VerifyTask, signal: AbortSignal): Promise<LedgerVerdict> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { workerData: task });
  const { promise, resolve, reject } = Promise.withResolvers<VerifyMessage>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', () => reject(new Error('the verification of the ledger ended without a verdict')));
  try {
    const told = await promise;
    if (told.kind === 'refused') throw new AccessError(told.reason, told.message);
    // A Buffer comes out of another thread as a plain array of bytes.
    return { ...told.verdict, headHash: Buffer.from(told.verdict.headHash) };
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}
