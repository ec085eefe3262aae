import { compareWorkflows, formatSteps, type Workflow } from '../../core/access/workflow.ts';
import { curfewContext } from '../../core/policy/curfew-context.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import { workflowsOf } from '../../core/policy/policy-set.ts';
import { type ActionShape, curfewAction } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Question } from './question.ts';

/** A way to get access: a workflow that would let the principal in. */
export interface AccessOption {
  readonly workflow: string;
  readonly title: string;
  /** With seats where more than one: `security:2`; empty when nobody need approve. */
  readonly steps: readonly string[];
  readonly maxMs: number;
  readonly defaultMs: number;
}

/**
 * How the principal could get access: each workflow that a request for the one action, of the workflow's default duration and without
 * a ticket, may use; the one that would be used first comes first. Of workflows that match one request only the highest rank counts.
 */
export function accessOptions(
  replica: Replica,
  action: ActionShape,
  question: Question,
  now: Date,
): readonly AccessOption[] {
  const { principal, resource } = question;
  const { schema, requestWorkflows } = replica.engine.policies;
  const request = curfewAction(schema, 'request');
  const mayAsk =
    action.takesGrants &&
    request?.principalTypes.includes(principal.type) === true &&
    request.resourceTypes.includes(resource.type) &&
    replica.directory.has(principal) &&
    replica.directory.has(resource);
  if (request === undefined || !mayAsk) return [];
  const durations = new Set(requestWorkflows.map((workflow) => workflow.defaultMs));
  return [...durations]
    .flatMap((durationMs) => usable(matching(replica, { request, action, question, now, durationMs })))
    .sort(compareWorkflows)
    .map(toOption);

  /** Those that would be used, or may be named, when they are asked for with their own default. */
  function usable({ durationMs, workflows }: Matching): readonly Workflow[] {
    const rank = Math.max(...workflows.map((workflow) => workflow.rank));
    return workflows.filter((workflow) => workflow.rank === rank && workflow.defaultMs === durationMs);
  }
}

interface Matching {
  readonly durationMs: number;
  readonly workflows: readonly Workflow[];
}

interface Asked {
  readonly request: ActionShape;
  readonly action: ActionShape;
  readonly question: Question;
  readonly now: Date;
  readonly durationMs: number;
}

function matching(replica: Replica, { request, action, question, now, durationMs }: Asked): Matching {
  const { principal, resource } = question;
  const { engine, directory } = replica;
  const { policies } = engine;
  const facts = {
    id: '',
    requester: principal,
    subject: principal,
    actions: [action.uid.id],
    reason: '',
    durationMs,
    breakGlass: false,
    extension: 0n,
  };
  const context = curfewContext({ shape: policies.schema, action: request, now, request: facts });
  const entities = entitiesFor(policies, 'workflows', { principal, resource, context }, (uid) =>
    directory.get(uid),
  );
  const evaluation = engine.evaluate('workflows', {
    principal,
    action: request.uid,
    resource,
    context,
    entities,
  });
  const ids = evaluation.decision === 'allow' ? evaluation.policyIds : [];
  return { durationMs, workflows: workflowsOf(policies, ids, facts) };
}

function toOption({ id, title, steps, maxMs, defaultMs }: Workflow): AccessOption {
  return { workflow: id, title, steps: steps.map((step) => formatSteps([step])), maxMs, defaultMs };
}
