import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid } from '../../core/access/entity.ts';
import { checkFreeText, MAX_TICKET } from '../../core/access/free-text.ts';
import { type AccessRequest, hashRequest, type RequestItem } from '../../core/access/request.ts';
import { checkText, type Workflow } from '../../core/access/workflow.ts';
import { formatDuration } from '../../core/access/duration.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { type AskedTerms, chooseWorkflow } from './choose-workflow.ts';
import { type AskedItem, expandItem, type ExpandedItem, requireDistinct } from './plan-items.ts';
import { type Search, unanswerableStep } from './reviewers.ts';

/** Everything that a caller asks for. */
export interface Asked extends AskedTerms {
  readonly items: readonly AskedItem[];
}

/** PostgreSQL's and JavaScript's dates end later; a longer grant is a mistake. */
const MAX_DURATION_MS = 366 * 86_400_000;

/** Told of a reason or ticket that a workflow does not take. */
export type WrongText = (error: AccessError) => void;

const refuse: WrongText = (error) => {
  throw error;
};

/**
 * Turns what is asked into the request that reviewers will see, or refuses it. Reads only memory; writes nothing. Whether anybody
 * could answer it is left to `requireAnswerable`, which takes long in a large directory.
 * @throws AccessError naming the field, what was seen and what is wanted
 */
export function planRequest(
  replica: Replica,
  asked: Asked,
  now: Date,
  onWrongText: WrongText = refuse,
): AccessRequest {
  requireSubject(replica, asked.subject);
  requireTexts(asked);
  requireDistinct(asked.items);
  const expanded = asked.items.map((item, index) =>
    expandItem(replica, item, asked.subject, `items[${index}]`),
  );
  const durationMs = asked.durationMs ?? proposedDuration(replica, asked, expanded, now);
  const terms = { ...asked, durationMs };
  const items = expanded.map((item, index) => planItem(replica, terms, item, index, now));
  for (const { workflow } of items) requireTerms(workflow, terms, onWrongText);
  const { id, requester, subject, reason, ticket } = asked;
  const draft = { id, requester, subject, reason, ticket, durationMs, createdAt: now, items };
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
  now: Date,
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
    workflow,
    state: 'PENDING',
    expiresAt: new Date(now.getTime() + workflow.pendingMs),
    resolvedAt: undefined,
    deniedBecause: '',
    grantId: undefined,
  };
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

function requireTexts(asked: AskedTerms): void {
  const reason = checkFreeText(asked.reason);
  if (reason !== undefined) throw fieldError('reason', reason);
  const ticket = checkFreeText(asked.ticket, MAX_TICKET);
  if (ticket !== undefined) throw fieldError('ticket', ticket);
  const { durationMs } = asked;
  if (durationMs !== undefined && (durationMs <= 0 || durationMs > MAX_DURATION_MS)) {
    throw fieldError('duration', `seen ${formatDuration(durationMs)}, wanted more than 0 and at most a year`);
  }
}

function requireTerms(
  workflow: Workflow,
  terms: AskedTerms & { readonly durationMs: number },
  onWrongText: WrongText,
): void {
  if (terms.durationMs > workflow.maxMs) {
    const max = formatDuration(workflow.maxMs);
    const description = `seen ${formatDuration(terms.durationMs)}, wanted at most ${max}, the limit of workflow ${workflow.id}`;
    throw new AccessError('DURATION_TOO_LONG', `duration: ${description}`, {
      violations: [{ field: 'duration', description }],
      metadata: { workflow: workflow.id, max_duration: max },
    });
  }
  for (const field of ['reason', 'ticket'] as const) {
    const wrong = checkText(workflow[field], terms[field]);
    if (wrong !== undefined) {
      const seen = seenText(field, terms[field]);
      onWrongText(fieldError(field, `seen ${seen}, but workflow ${workflow.id} wants that it ${wrong}`));
    }
  }
}

/** A ticket is a name and may be said again; a reason may hold what is nobody else's business. */
function seenText(field: 'reason' | 'ticket', text: string): string {
  if (field === 'ticket') return JSON.stringify(text.slice(0, 80));
  return `a text of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`;
}

/** What it means that a step of the item is one that not enough people can fill. */
export function unanswerable(item: RequestItem, step: string): AccessError {
  const seats = item.workflow.steps.find((it) => it.name === step)?.seats ?? 1;
  const message = `items[${item.item}]: nobody could answer: step "${step}" of workflow ${item.workflow.id} needs ${seats} distinct ${seats === 1 ? 'person' : 'people'} other than requester and subject; ask an administrator, or for another workflow`;
  return new AccessError('UNANSWERABLE', message, { metadata: { step, workflow: item.workflow.id } });
}
