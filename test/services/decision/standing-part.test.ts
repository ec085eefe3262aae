import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../../core/access/event.ts';
import { accessContext } from '../../../core/policy/curfew-context.ts';
import { createEngine, type Evaluation } from '../../../core/policy/engine.ts';
import { entitiesFor } from '../../../core/policy/entity-closure.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { actionOf } from '../../../core/policy/schema-shape.ts';
import { Replica } from '../../../core/replica/replica.ts';
import { decide } from '../../../services/decision/decide.ts';
import { factsOfGrant } from '../../../services/decision/grant-facts.ts';
import type { Question } from '../../../services/decision/question.ts';
import { applied, questionOf, started } from './local-decision.ts';
import { attributes, bool, directory, goodContext, long, person, text } from './people.ts';
import { openWorkflows, policyFiles } from './policy-files.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const ERRS = 'context.weight * 2 > 100';

/** Policies that read nothing of the grant, that begin by asking for it, and that do anything else with it. */
const CONDITIONS = [
  ['permit', 'when { principal in resource.keepers }'],
  ['permit', 'when { context.mfa }'],
  ['permit', `when { ${ERRS} }`],
  ['permit', 'when { context has grant }'],
  ['permit', 'when { context has grant && context.grant.workflow == "a" }'],
  ['permit', `when { context has grant && ${ERRS} }`],
  ['permit', 'when { context.mfa && context has grant }'],
  ['permit', 'unless { context has grant }'],
  ['forbid', 'when { context has note && context.note == "sealed" }'],
  ['forbid', `when { context has note && ${ERRS} }`],
  ['forbid', 'when { context has grant && context.grant.workflow == "b" }'],
  ['forbid', `when { context has grant && ${ERRS} }`],
  ['forbid', 'unless { context has grant || context.mfa }'],
  ['forbid', 'when { {a: context}.a has grant && !context.mfa }'],
] as const;

let whole: PolicySet;

beforeAll(async () => {
  const pool = CONDITIONS.map(
    ([effect, conditions], index) =>
      `@id("p${index}") ${effect} (principal, action == Action::"open", resource is Vault) ${conditions};`,
  );
  const files = await policyFiles({
    'access/vaults.cedar': pool.join('\n'),
    'guardrails/vaults.cedar': '',
    'workflows/open.cedar': openWorkflows(['a', 'b', 'c']),
  });
  const result = await loadPolicies(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  whole = result.policies;
});

/** The policies of those positions in force, and that many grants for otto, each by another workflow. */
async function replicaWith(positions: readonly number[], workflows: readonly string[]): Promise<Replica> {
  const access = whole.access.filter(({ id }) => positions.some((position) => id === `p${position}`));
  const engine = createEngine({ ...whole, access });
  const replica = new Replica(async (digest) => ({ kind: 'ready', digest, engine }));
  const grants = workflows.map((workflow, index) =>
    started(
      {
        id: `g${index}`,
        subject: person('otto'),
        workflow,
        startsAt: NOW,
        expiresAt: new Date(NOW.getTime() + 9_000 - index),
      },
      NOW,
    ),
  );
  const activated = {
    kind: 'POLICY_ACTIVATED',
    at: NOW,
    actor: SYSTEM_ACTOR,
    digest: 'a part',
  } as const;
  for (const [index, event] of [activated, applied(directory, NOW), ...grants].entries()) {
    const hash = Buffer.alloc(32);
    await replica.apply({ revision: BigInt(index + 1), hash, previousHash: hash, event });
  }
  return replica;
}

/** The same decision by its definition: one evaluation without a grant, then one with each, until one permits. */
function plainly(replica: Replica, question: Question) {
  const { engine, directory: known, grants } = replica;
  const shape = actionOf(engine.policies.schema, question.action) ?? expect.unreachable();
  const { principal, action, resource } = question;
  const covering = grants.covering({ principal, action, resource, directory: known, late: NOW });
  const entities = entitiesFor(engine.policies, 'access', question, (uid) => known.get(uid));
  const made: Evaluation[] = [];
  for (const grant of [undefined, ...covering]) {
    const facts = grant === undefined ? undefined : factsOfGrant(grant, NOW);
    const context = accessContext({ action: shape, sent: question.context, now: NOW, grant: facts });
    const evaluation = engine.evaluate('access', { principal, action, resource, context, entities });
    made.push(evaluation);
    if (evaluation.decision === 'allow') return outcome('ALLOW', evaluation.policyIds, made, grant?.id);
  }
  const forbids = made.flatMap((evaluation) => evaluation.policyIds);
  return outcome('DENY', forbids, made, undefined);
}

function outcome(
  effect: string,
  policyIds: readonly string[],
  made: readonly Pick<Evaluation, 'errors'>[],
  grant: string | undefined,
) {
  const errors = made.flatMap((evaluation) => evaluation.errors.map((error) => error.policyId));
  return { effect, grant, policyIds: sorted(policyIds), errors: sorted(errors) };
}

function sorted(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}

it('one evaluation may answer for two, and the decision, its reasons and errors are as if both were made', {
  timeout: 120_000,
}, async () => {
  const positions = fc.uniqueArray(fc.nat({ max: CONDITIONS.length - 1 }), { maxLength: 6 });
  const workflows = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
  const sent = fc.record({
    mfa: fc.boolean(),
    weight: fc.constantFrom(1n, 60n, 2n ** 62n),
    note: fc.option(fc.constantFrom('sealed', 'open')),
  });
  const who = fc.constantFrom('otto', 'kim');
  await fc.assert(
    fc.asyncProperty(positions, workflows, sent, who, async (chosen, held, { mfa, weight, note }, id) => {
      const replica = await replicaWith(chosen, held);
      const context = attributes({
        ...goodContext,
        mfa: bool(mfa),
        weight: long(weight),
        ...(note === null ? {} : { note: text(note) }),
      });
      const question = questionOf({ principal: person(id), context });
      const shape = actionOf(whole.schema, question.action) ?? expect.unreachable();
      const decision = decide(replica, shape, question, {
        now: NOW,
        early: NOW,
        freshness: 'fresh',
        ageMs: 0,
      });
      const { effect, grant, policyIds } = decision;
      expect(outcome(effect, policyIds, [decision], grant?.id)).toEqual(plainly(replica, question));
    }),
    {
      numRuns: 150,
      // What errs with the grant alone spoils nothing of what is permitted without it.
      examples: [[[1, 5], ['a'], { mfa: true, weight: 2n ** 62n, note: null }, 'otto']],
    },
  );
});
