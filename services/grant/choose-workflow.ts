import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { compareWorkflows, type Workflow } from '../../core/access/workflow.ts';
import { mayReadOfRequest } from '../../core/policy/reads-about.ts';
import { curfewAction } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Extension } from '../../core/access/request.ts';
import type { ExpandedItem } from './plan-items.ts';
import { factsOf, isPermitted, workflowsFor } from './rights.ts';

/** What is asked for apart from the items. */
export interface AskedTerms {
  readonly id: string;
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  readonly reason: string;
  readonly ticket: string;
  /** Each workflow's default if undefined. */
  readonly durationMs: number | undefined;
  /** From approval, or on first use, if undefined. */
  readonly startsAt: Date | undefined;
  readonly breakGlass: boolean;
  readonly extends: Extension | undefined;
}

/** Which workflow the caller chose for an item, and how errors name the item. */
export interface Choice {
  readonly workflow: string | undefined;
  /** `items[0]` */
  readonly field: string;
}

/**
 * The one workflow that an item goes by: of those that let the subject in, the highest rank and then the strictest, or the caller's
 * choice among that rank.
 * @throws AccessError NOT_REQUESTABLE, WORKFLOW_UNKNOWN
 */
export function chooseWorkflow(
  replica: Replica,
  terms: AskedTerms,
  item: ExpandedItem,
  choice: Choice,
  now: Date,
): Workflow {
  const matching = matchingWorkflows(replica, terms, item, now).toSorted(compareWorkflows);
  const [first] = matching;
  if (first === undefined) throw notRequestable(terms, item, choice.field);
  if (choice.workflow === undefined) return first;
  // An extension goes by the workflow that gave the grant, whatever else there is now.
  const isFree = terms.extends !== undefined;
  const eligible = matching.filter((workflow) => isFree || workflow.rank === first.rank);
  const chosen = eligible.find((workflow) => workflow.id === choice.workflow);
  if (chosen !== undefined) return chosen;
  const ids = eligible.map((workflow) => workflow.id).join(', ');
  throw fieldError(
    `${choice.field}.workflow`,
    `seen ${JSON.stringify(choice.workflow)}, wanted one that lets ${formatUid(terms.subject)} in here: ${ids}`,
    'WORKFLOW_UNKNOWN',
  );
}

/** Workflows that let the item in, asked with the duration given, or each with its own default. */
export function matchingWorkflows(
  replica: Replica,
  terms: AskedTerms,
  item: ExpandedItem,
  now: Date,
): readonly Workflow[] {
  return askedDurations(replica, terms, item)
    .flatMap(({ durationMs, isOfAll }) =>
      matchingAt(replica, { ...terms, durationMs }, item, now).filter(
        (workflow) => isOfAll || workflow.defaultMs === durationMs,
      ),
    )
    .filter((workflow) => item.isDirect || workflow.resourceTypes.includes(item.resource.type));
}

/** The durations to ask with, and whether what is answered is true of workflows with another default too. */
function askedDurations(replica: Replica, terms: AskedTerms, { resource }: ExpandedItem) {
  const { requester, subject, durationMs } = terms;
  if (durationMs !== undefined) return [{ durationMs, isOfAll: true }];
  const { policies } = replica.engine;
  const action = curfewAction(policies.schema, 'request');
  const kind = { phase: 'workflows', principalType: subject.type, resourceType: resource.type } as const;
  const [first = 0, ...others] = new Set(policies.requestWorkflows.map((workflow) => workflow.defaultMs));
  const isOwn = sameUid(requester, subject);
  if (isOwn && action !== undefined && !mayReadOfRequest(policies, { ...kind, action }, 'duration'))
    return [{ durationMs: first, isOfAll: true }];
  return [first, ...others].map((each) => ({ durationMs: each, isOfAll: false }));
}

function matchingAt(
  replica: Replica,
  terms: AskedTerms & { readonly durationMs: number },
  item: ExpandedItem,
  now: Date,
): readonly Workflow[] {
  const { requester, subject } = terms;
  const request = factsOf(terms, item);
  const question = { principal: subject, resource: item.resource, now, request };
  if (
    !sameUid(requester, subject) &&
    !isPermitted(replica, { ...question, right: 'requestFor', principal: requester })
  )
    return [];
  return workflowsFor(replica, question);
}

function notRequestable(terms: AskedTerms, item: ExpandedItem, field: string): AccessError {
  const { requester, subject } = terms;
  const actions = item.actions.map(formatUid).join(', ');
  const who = sameUid(requester, subject)
    ? formatUid(subject)
    : `${formatUid(requester)} for ${formatUid(subject)}`;
  const container = item.isDirect
    ? ''
    : ` (a container: the permit's scope must say "resource is ${item.resource.type}")`;
  const how = terms.breakGlass ? ' by break-glass' : '';
  const message = `${field}: no workflow lets ${who} request ${actions} on ${formatUid(item.resource)}${how}${container}`;
  return new AccessError('NOT_REQUESTABLE', message, {
    metadata: { field, resource: formatUid(item.resource) },
  });
}
