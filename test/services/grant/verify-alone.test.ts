import { expect, it } from 'vitest';
import type { LedgerVerdict } from '../../../core/store/verify-ledger.ts';
import { verifyAlone } from '../../../services/grant/verify-alone.ts';

const { signal } = new AbortController();
const verdict: LedgerVerdict = {
  intact: true,
  firstRevision: 0n,
  lastRevision: 0n,
  headHash: Buffer.alloc(32),
  faults: [],
};

it('a second verification at the same time is refused, one after it is not, however the first ended', async () => {
  const first = Promise.withResolvers<LedgerVerdict>();
  const runs = [first.promise, Promise.resolve(verdict)];
  const alone = verifyAlone(() => runs.shift() ?? expect.unreachable());
  const running = alone(1n, signal);
  await expect(alone(1n, signal)).rejects.toMatchObject({ reason: 'TOO_MUCH', metadata: { limit: '1' } });
  first.reject(new Error('the database went away'));
  await expect(running).rejects.toThrow('the database went away');
  expect(await alone(1n, signal)).toBe(verdict);
});
