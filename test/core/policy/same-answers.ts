import fc from 'fast-check';
import { expect } from 'vitest';
import type { Entity, EntityUid } from '../../../core/access/entity.ts';
import { createEngine, type RawEvaluation } from '../../../core/policy/engine.ts';
import { createEvaluator } from '../../../core/policy/evaluator.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { actionAncestors } from '../../../core/policy/schema-shape.ts';
import { accessQuestion, anyAsked, entity } from './questions.ts';
import { sampleDirectory } from './sample.ts';

const peer = fc.constantFrom<EntityUid | undefined>(
  undefined,
  entity('User::"ada"'),
  entity('User::"bob"'),
  entity('User::"nobody"'),
);

/** Asked of the whole set with the whole directory as it is written, and of what can matter alone, any question has one answer. */
export function sameAnswers(policies: PolicySet): fc.IProperty<unknown> {
  const engine = createEngine(policies);
  const whole = createEvaluator();
  const texts = Object.fromEntries(policies.access.map((policy) => [policy.id, policy.text]));
  const actions = Array.from(policies.schema.actions.values(), ({ uid }): Entity => {
    return { uid, attributes: new Map(), parents: actionAncestors(policies.schema, uid), tags: new Map() };
  });
  const entities = [...sampleDirectory(), ...actions];
  return fc.property(anyAsked, peer, (asked, other) => {
    const sent = new Map(asked.sent);
    if (other !== undefined) sent.set('peer', { kind: 'entity', uid: other });
    const question = accessQuestion(policies, { ...asked, sent });
    const all = whole.evaluate({ key: 'all', texts: () => texts }, { ...question, entities });
    expect(ordered(engine.evaluateRaw('access', question))).toEqual(ordered(all));
  });
}

function ordered(raw: RawEvaluation): unknown {
  return raw.kind === 'failure'
    ? raw
    : { ...raw, errors: raw.errors.map((error) => error.policyId).toSorted() };
}
