import { AccessError } from '../../core/access/access-error.ts';
import type { LedgerVerdict } from '../../core/store/verify-ledger.ts';

/** Verifies the ledger from a revision on, until the signal. */
export type VerifyLedger = (from: bigint, signal: AbortSignal) => Promise<LedgerVerdict>;

/**
 * One verification at a time: each takes a thread, a connection and all that a processor has.
 * @throws AccessError (when it is called) TOO_MUCH
 */
export function verifyAlone(verify: VerifyLedger): VerifyLedger {
  let isBusy = false;
  return async (from, signal) => {
    if (isBusy) {
      const message =
        'this service verifies the ledger for somebody else, one at a time is wanted; call again later';
      throw new AccessError('TOO_MUCH', message, { metadata: { limit: '1', unit: 'verifications' } });
    }
    isBusy = true;
    try {
      return await verify(from, signal);
    } finally {
      isBusy = false;
    }
  };
}
