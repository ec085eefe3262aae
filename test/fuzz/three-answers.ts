import type { Entity, EntityUid } from '../../core/access/entity.ts';
import { uidKey } from '../../core/access/entity.ts';
import { attributesToJson, entityToJson, uidToJson } from '../../core/access/entity-json.ts';
import { type CedarInstance, isTrap, newCedarInstance } from '../../core/policy/cedar-instance.ts';
import { createEngine, type EngineQuestion, type RawEvaluation } from '../../core/policy/engine.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import { createEvaluator } from '../../core/policy/evaluator.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import { actionAncestors } from '../../core/policy/schema-shape.ts';

/** A question before it is known which entities it needs. */
export type BareQuestion = Omit<EngineQuestion, 'entities'>;

/** One question's answers, each as a text to compare: decision, reasons, policies that erred. */
export interface ThreeAnswers {
  /** The engine's, which asks the policies that can matter, of the entities that can. */
  readonly sliced: string;
  /** Of the whole set over the whole directory. */
  readonly whole: string;
  /** Cedar's stateless call, which parses everything itself. */
  readonly stateless: string;
}

/** Asks about one policy set and one directory. */
export function askThreeWays(
  policies: PolicySet,
  directory: readonly Entity[],
): (question: BareQuestion) => ThreeAnswers {
  const engine = createEngine(policies);
  const whole = createEvaluator();
  const cedar = newCedarInstance();
  const texts = Object.fromEntries(policies.access.map(({ id, text }) => [id, text]));
  const byKey = new Map(directory.map((entity) => [uidKey(entity.uid), entity]));
  const lookup = (uid: EntityUid): Entity | undefined => byKey.get(uidKey(uid));
  const actions = Array.from(policies.schema.actions.values(), ({ uid }): Entity => {
    return { uid, attributes: new Map(), parents: actionAncestors(policies.schema, uid), tags: new Map() };
  });
  const all = [...directory, ...actions];
  return (question) => ({
    sliced: shown(
      engine.evaluateRaw('access', {
        ...question,
        entities: entitiesFor(policies, 'access', question, lookup),
      }),
    ),
    whole: shown(whole.evaluate({ key: 'all', texts: () => texts }, { ...question, entities: all })),
    stateless: shown(askStateless(cedar, texts, { ...question, entities: all })),
  });
}

function askStateless(
  cedar: CedarInstance,
  staticPolicies: Readonly<Record<string, string>>,
  { principal, action, resource, context, entities }: EngineQuestion,
): RawEvaluation {
  try {
    const answer = cedar.isAuthorized({
      principal: uidToJson(principal),
      action: uidToJson(action),
      resource: uidToJson(resource),
      context: attributesToJson(context) as never, // Cedar's JSON with exact integers, which its types do not know
      policies: { staticPolicies: { ...staticPolicies } },
      entities: Array.from(entities, entityToJson) as never, // as above
    });
    if (answer.type === 'failure')
      return { kind: 'failure', message: answer.errors.map((it) => it.message).join('; ') };
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => ({ policyId, message: error.message }));
    return { kind: 'answer', decision, policyIds: diagnostics.reason, errors };
  } catch (error) {
    return { kind: 'failure', message: `${isTrap(error) ? 'trap: ' : ''}${String(error)}` };
  }
}

function shown(raw: RawEvaluation): string {
  if (raw.kind === 'failure') return `no answer: ${raw.message}`;
  const errors = raw.errors.map(({ policyId }) => policyId).toSorted();
  return `${raw.decision} by [${raw.policyIds.toSorted().join(' ')}], errors in [${errors.join(' ')}]`;
}
