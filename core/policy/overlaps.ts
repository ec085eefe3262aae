import { type Entity, type EntityUid, uidKey } from '../access/entity.ts';
import type { Workflow } from '../access/workflow.ts';
import { compareWorkflows } from '../access/workflow.ts';
import { curfewContext } from './curfew-context.ts';
import { createEngine, type Engine } from './engine.ts';
import { entitiesFor } from './entity-closure.ts';
import { type PolicySet, workflowsOf } from './policy-set.ts';
import { type ActionShape, curfewAction, grantTakingActions } from './schema-shape.ts';

/** Two workflows of one rank that both let the same request in, so that only strictness chooses between them. */
export interface Overlap {
  /** The one that is used. */
  readonly used: Workflow;
  readonly other: Workflow;
  readonly example: RequestExample;
}

/** A request for one action that both let in. */
export interface RequestExample {
  readonly subject: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
}

export interface Overlaps {
  readonly pairs: readonly Overlap[];
  /** False when the directory is too large to ask about everybody and everything. */
  readonly isWhole: boolean;
}

export interface OverlapOptions {
  readonly entities: readonly Entity[];
  readonly now: Date;
  /** How many questions are asked at most; 20,000 unless said, some seconds. */
  readonly maxQuestions?: number;
}

/**
 * Pairs of workflows of one rank that match the same request, found by asking about everybody and everything in the directory, each
 * pair once.
 */
export function findOverlaps(policies: PolicySet, options: OverlapOptions): Overlaps {
  const { entities, now, maxQuestions = 20_000 } = options;
  const engine = createEngine(policies);
  const byKey = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const pairs = new Map<string, Overlap>();
  const request = curfewAction(policies.schema, 'request');
  let asked = 0;
  for (const example of examples(policies, request, entities)) {
    for (const durationMs of new Set(policies.requestWorkflows.map((workflow) => workflow.defaultMs))) {
      if (asked === maxQuestions) return { pairs: [...pairs.values()], isWhole: false };
      asked += 1;
      for (const overlap of overlapsAt(engine, { ...example, durationMs, now, directory: byKey })) {
        const key = JSON.stringify([overlap.used.id, overlap.other.id].toSorted());
        if (!pairs.has(key)) pairs.set(key, { ...overlap, example });
      }
    }
  }
  return { pairs: [...pairs.values()], isWhole: true };
}

function* examples(
  { schema }: PolicySet,
  request: ActionShape | undefined,
  entities: readonly Entity[],
): Iterable<RequestExample> {
  if (request === undefined) return;
  const subjects = entities.filter(({ uid }) => request.principalTypes.includes(uid.type));
  const resources = entities.filter(({ uid }) => request.resourceTypes.includes(uid.type));
  for (const action of grantTakingActions(schema)) {
    for (const { uid: subject } of subjects.filter((it) => action.principalTypes.includes(it.uid.type)))
      for (const { uid: resource } of resources.filter((it) => action.resourceTypes.includes(it.uid.type)))
        yield { subject, action: action.uid, resource };
  }
}

interface Asked extends RequestExample {
  readonly durationMs: number;
  readonly now: Date;
  readonly directory: ReadonlyMap<string, Entity>;
}

function overlapsAt(engine: Engine, asked: Asked): readonly Omit<Overlap, 'example'>[] {
  const [used, ...others] = matchingWorkflows(engine, asked).toSorted(compareWorkflows);
  if (used === undefined) return [];
  return others.filter((other) => other.rank === used.rank).map((other) => ({ used, other }));
}

function matchingWorkflows(engine: Engine, asked: Asked): readonly Workflow[] {
  const { subject, action, resource, durationMs, now, directory } = asked;
  const { policies } = engine;
  const request = curfewAction(policies.schema, 'request');
  if (request === undefined) return [];
  const facts = {
    id: '',
    requester: subject,
    subject,
    actions: [action.id],
    reason: '',
    durationMs,
    breakGlass: false,
    extension: 0n,
  };
  const context = curfewContext({ shape: policies.schema, action: request, now, request: facts });
  const roots = { principal: subject, resource, context };
  const entities = entitiesFor(policies, 'workflows', roots, (uid) => directory.get(uidKey(uid)));
  const { decision, policyIds } = engine.evaluate('workflows', { ...roots, action: request.uid, entities });
  return decision === 'allow' ? workflowsOf(policies, policyIds, facts) : [];
}
