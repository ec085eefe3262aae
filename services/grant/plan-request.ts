import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid } from '../../core/access/entity.ts';
import {
  type AccessRequest,
  hashRequest,
  itemExpiresAt,
  type RequestItem,
} from '../../core/access/request.ts';
import type { Workflow } from '../../core/access/workflow.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { type AskedTerms, chooseWorkflow } from './choose-workflow.ts';
import { type AskedItem, expandItem, type ExpandedItem, requireDistinct } from './plan-items.ts';
import { requireOpen } from './locked.ts';
import { refuseText, requireSound, requireTerms, type WrongText } from './require-terms.ts';
import { type Search, unanswerableStep } from './reviewers.ts';

/** Everything that a caller asks for. */
export interface Asked extends AskedTerms {
  readonly items: readonly AskedItem[];
}

/** What a request is planned on, besides directory and policies. */
export interface Standing {
  readonly now: Date;
  /** Whether the subject owes a review of break-glass that is overdue. */
  readonly owesReview: boolean;
}

/**
 * Turns what is asked into the request that reviewers will see, or refuses it. Reads only memory; writes nothing. Whether anybody
 * could answer it is left to `requireAnswerable`, which takes long in a large directory.
 * @throws AccessError naming the field, what was seen and what is wanted; LOCKED
 */
export function planRequest(
  replica: Replica,
  asked: Asked,
  { now, owesReview }: Standing,
  onWrongText: WrongText = refuseText,
): AccessRequest {
  requireSubject(replica, asked.subject);
  requireSound(asked, now);
  requireDistinct(asked.items);
  const expanded = asked.items.map((item, index) =>
    expandItem(replica, item, asked.subject, `items[${index}]`),
  );
  for (const { resource } of expanded)
    requireOpen(replica, { ...asked, resource, grantId: asked.extends?.grantId }, now);
  const durationMs = asked.durationMs ?? proposedDuration(replica, asked, expanded, now);
  const terms = { ...asked, durationMs };
  const items = expanded.map((item, index) => planItem(replica, terms, item, index, { now, owesReview }));
  for (const { workflow } of items) requireTerms(workflow, terms, { now, onWrongText });
  const { id, requester, subject, reason, ticket, startsAt, breakGlass, extends: extension } = asked;
  const what = { durationMs, startsAt, breakGlass, extends: extension, createdAt: now, items };
  const draft = { id, requester, subject, reason, ticket, ...what };
  return { ...draft, reviews: [], requestHash: hashRequest(draft) };
}

/** Refuses a request with an item that nobody could answer. It gives way to other calls. @throws AccessError UNANSWERABLE */
export async function requireAnswerable(
  replica: Replica,
  request: AccessRequest,
  search: Search,
): Promise<void> {
  for (const item of request.items) {
    const step = await unanswerableStep(replica, request, item, search);
    if (step !== undefined) throw unanswerable(item, step);
  }
}

/** Where the caller says none: the shortest of the defaults of the workflows that the items would go by. */
function proposedDuration(replica: Replica, asked: Asked, items: readonly ExpandedItem[], now: Date): number {
  const defaults = items.map((item, index) => {
    const choice = { workflow: asked.items[index]?.workflow, field: `items[${index}]` };
    return chooseWorkflow(replica, asked, item, choice, now).defaultMs;
  });
  return Math.min(...defaults);
}

function planItem(
  replica: Replica,
  terms: Asked & { readonly durationMs: number },
  item: ExpandedItem,
  index: number,
  { now, owesReview }: Standing,
): RequestItem {
  const field = `items[${index}]`;
  const workflow = chooseWorkflow(
    replica,
    terms,
    item,
    { workflow: terms.items[index]?.workflow, field },
    now,
  );
  return {
    item: index,
    resource: item.resource,
    actions: item.actions,
    workflow: owesReview ? withApproval(workflow) : workflow,
    state: 'PENDING',
    expiresAt: itemExpiresAt(terms, workflow, now),
    resolvedAt: undefined,
    deniedBecause: '',
    grantId: undefined,
    isOwed: false,
  };
}

/** Who owes a review of break-glass does not get the next one alone: one of those who should have looked has to agree. */
function withApproval(workflow: Workflow): Workflow {
  const { breakGlass } = workflow;
  return breakGlass === undefined ? workflow : { ...workflow, steps: [{ name: breakGlass.step, seats: 1 }] };
}

function requireSubject(replica: Replica, subject: EntityUid): void {
  const { personTypes, serviceTypes } = replica.engine.policies.schema;
  const types = [...personTypes, ...serviceTypes];
  if (!types.includes(subject.type)) {
    throw fieldError(
      'subject',
      `seen ${formatUid(subject)}, wanted one person or service: a ${types.join(' or ')}`,
    );
  }
  if (!replica.directory.has(subject)) {
    throw fieldError(
      'subject',
      `seen ${formatUid(subject)}, which the directory does not have`,
      'ENTITY_UNKNOWN',
    );
  }
}

/** What it means that a step of the item is one that not enough people can fill. */
export function unanswerable(item: RequestItem, step: string): AccessError {
  const seats = item.workflow.steps.find((it) => it.name === step)?.seats ?? 1;
  const message = `items[${item.item}]: nobody could answer: step "${step}" of workflow ${item.workflow.id} needs ${seats} distinct ${seats === 1 ? 'person' : 'people'} other than requester and subject; ask an administrator, or for another workflow`;
  return new AccessError('UNANSWERABLE', message, { metadata: { step, workflow: item.workflow.id } });
}
