import { expect, it } from 'vitest';
import { createEngine } from '../../../core/policy/engine.ts';
import { Replica } from '../../../core/replica/replica.ts';
import { getStatus } from '../../../services/decision/get-status.ts';
import { activated } from '../../core/store/ledger-events.ts';
import { examined, sampleFiles } from '../../core/policy/sample.ts';
import { localDecision } from './local-decision.ts';
import { policyFiles } from './policy-files.ts';

it('GetStatus names the set that the process refused, and the one that it goes on with', async () => {
  const { context } = await localDecision(await policyFiles());
  const engine = createEngine(examined(sampleFiles()));
  const replica = new Replica(async (digest) =>
    digest === 'good' ? { kind: 'ready', digest, engine } : { kind: 'refused', digest, why: 'a difference' },
  );
  const statusAfter = async (revision: bigint, digest: string) => {
    const hash = Buffer.alloc(32);
    await replica.apply({ revision, hash, previousHash: hash, event: activated(digest) });
    return getStatus({ ...context, followed: { ...context.followed, replica } });
  };
  expect(await statusAfter(1n, 'good')).toMatchObject({ policyDigest: 'good', refusedPolicyDigest: '' });
  expect(await statusAfter(2n, 'bad')).toMatchObject({ policyDigest: 'good', refusedPolicyDigest: 'bad' });
  expect(await statusAfter(3n, 'good')).toMatchObject({ policyDigest: 'good', refusedPolicyDigest: '' });
});
