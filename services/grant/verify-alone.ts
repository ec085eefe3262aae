import type { LedgerVerdict } from '../../core/store/verify-ledger.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** Verifies the ledger from a revision on, until the signal. */
export type VerifyLedger = (from: bigint, signal: AbortSignal) => Promise<LedgerVerdict>;

/**
 * One verification at a time: each takes a thread, a connection and all that a processor has.
 * @throws AccessError (when it is called) TOO_MUCH
 */
export function verifyAlone(verify: VerifyLedger): VerifyLedger {
  const alone = oneAtATime('verifies the ledger', 'verifications');
  return (from, signal) => alone(() => verify(from, signal));
}
