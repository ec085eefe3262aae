import { expect, onTestFinished, test } from 'vitest';
import { newCedarInstance } from '../../../core/policy/cedar-instance.ts';
import { digestOf, type PolicyFiles } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { selfCheck } from '../../../core/policy/self-check/self-check.ts';
import { createSlicer } from '../../../core/policy/slice.ts';
import { follow, type FollowOptions } from '../../../core/replica/follow.ts';
import type { Database } from '../../../core/store/connect.ts';
import { writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition } from '../../../core/store/transition.ts';
import { append } from '../feed/following.ts';
import { accessQuestion, GRANT } from '../policy/questions.ts';
import { sampleFiles } from '../policy/sample.ts';
import { migratedDatabase } from '../store/database.ts';
import { activated } from '../store/ledger-events.ts';
import { patiently } from '../store/patiently.ts';

/** The index of this process is wrong about the policies that the name says. */
function wrongAbout(id: string): typeof loadPolicies {
  return async (files, options) => {
    const result = await loadPolicies(files, options);
    if (!result.ok) return result;
    const problems = selfCheck(result.policies, {
      cedar: newCedarInstance(),
      depth: 'sample',
      createSlicer: (schema, policies) =>
        createSlicer(
          schema,
          policies.filter((it) => it.id !== id),
        ),
    });
    return problems.length === 0 ? result : { ok: false, problems, differs: true };
  };
}

async function putInForce(grant: Database, files: PolicyFiles): Promise<string> {
  const digest = digestOf(files);
  const head = await grant.selectFrom('ledger_head').select('basis_revision').executeTakeFirstOrThrow();
  await transition(grant, head.basis_revision, async (trx) => {
    await writePolicySet(trx, digest, files);
    return { events: [activated(digest)], result: undefined };
  });
  return digest;
}

const asFollowed = sampleFiles();
const withMore = (id: string) =>
  sampleFiles({
    'access/more.cedar': `@id("${id}") forbid (principal, action, resource) when { context.level > 7 };`,
  });

const following = async (loading: typeof loadPolicies) => {
  const database = await migratedDatabase();
  const errors: { readonly why?: string; readonly message: string }[] = [];
  const log: FollowOptions['log'] = {
    info: () => undefined,
    error: (facts, message) => errors.push({ ...facts, message }),
  };
  const start = () => {
    const followed = follow({
      databaseUrl: database.urlOf('decision'),
      name: 'following',
      log,
      loadPolicies: loading,
    });
    onTestFinished(() => followed.close());
    return followed;
  };
  return { grant: database.open('grant'), errors, start };
};

test('a set whose index differs is refused, and the one before goes on deciding', {
  timeout: 120_000,
}, async () => {
  const { grant, errors, start } = await following(wrongAbout('spoiled'));
  const { replica, follower } = start();
  const before = await putInForce(grant, asFollowed);
  const refused = await putInForce(grant, withMore('spoiled'));
  const revision = await append(grant, 1);
  await expect.poll(() => follower.revision, patiently).toBe(revision);
  expect(replica.policies).toMatchObject({
    kind: 'ready',
    digest: before,
    refused: { digest: refused, why: expect.stringContaining('access/more.cedar:1:1: self-check: ') },
  });
  expect(errors).toEqual([
    {
      digest: refused,
      why: expect.stringContaining('"spoiled"'),
      message:
        'the policy set in force was refused by its self-check: the one before stays in use here, if there was one',
    },
  ]);
  const { policies } = replica.engine;
  const asked = { principal: 'User::"ada"', action: 'read', resource: 'Database::"orders"', grant: GRANT };
  expect(replica.engine.evaluate('access', accessQuestion(policies, asked))).toMatchObject({
    decision: 'allow',
    policyIds: ['jit'],
  });
  const next = await putInForce(grant, withMore('good'));
  await expect.poll(() => replica.policies, patiently).toMatchObject({ kind: 'ready', digest: next });
  expect(replica.policies).not.toHaveProperty('refused');
});

test('a process that has no set before one that it refuses permits nothing', {
  timeout: 120_000,
}, async () => {
  const { grant, start } = await following(wrongAbout('jit'));
  const digest = await putInForce(grant, asFollowed);
  const { replica } = start();
  await expect.poll(() => replica.policies, patiently).toMatchObject({ kind: 'failed', digest });
});

test('what a process was asked is asked again of the next set', { timeout: 120_000 }, async () => {
  const asked: (readonly string[])[] = [];
  const { grant, start } = await following(async (files, options) => {
    asked.push((options?.askedBefore ?? []).map(({ question }) => question.principal.id));
    return await loadPolicies(files, options);
  });
  const { replica } = start();
  await putInForce(grant, asFollowed);
  await expect.poll(() => replica.policies.kind, patiently).toBe('ready');
  const question = { principal: 'User::"ada"', action: 'read', resource: 'Database::"orders"' };
  replica.engine.evaluate('access', accessQuestion(replica.engine.policies, question));
  const digest = await putInForce(grant, withMore('good'));
  await expect.poll(() => replica.policies, patiently).toMatchObject({ digest });
  expect(asked).toEqual([[], ['ada']]);
});
