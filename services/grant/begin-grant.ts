import { randomUUID } from 'node:crypto';
import { SYSTEM_ACTOR, type LedgerEvent } from '../../core/access/event.ts';
import type { AskedOtherwise, LiveGrant } from '../../core/access/grant.ts';
import { windowOf } from '../../core/access/narrowing.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { KeptCast } from '../../core/access/sign-in.ts';
import { insertGrant } from '../../core/store/grant-changes.ts';
import { insertOwedReview } from '../../core/store/owed-reviews.ts';
import type { Trx } from '../../core/store/transition.ts';
import type { Approved } from './approve-item.ts';
import type { CountedReview, CountedVotes } from './counted-votes.ts';

/** Gives the grant of an approved item: at once, from its start on, or to be claimed. Break-glass owes a review from here on. */
export async function beginGrant(
  trx: Trx,
  request: AccessRequest,
  item: RequestItem,
  votes: CountedVotes,
  now: Date,
): Promise<Approved> {
  const { breakGlass, maxMs } = item.workflow;
  const grant = grantOf(request, item, votes, now);
  await insertGrant(trx, grant, { maxMs, createdAt: now });
  if (breakGlass === undefined) return { grantId: grant.id, events: [startedEvent(grant, now)] };
  const reviewDueAt = new Date(now.getTime() + breakGlass.withinMs);
  await insertOwedReview(trx, grant, { step: breakGlass.step, dueAt: reviewDueAt });
  return { grantId: grant.id, events: [{ ...startedEvent(grant, now), reviewDueAt }] };
}

function grantOf(
  request: AccessRequest,
  item: RequestItem,
  { filledBy, approvals: counted, terms }: CountedVotes,
  now: Date,
): LiveGrant {
  const { workflow } = item;
  const approvals = [...filledBy.values()].flat();
  const begins = beginning(request, item, terms, now);
  const asked = askedOtherwise(request, item, { ...begins, actions: terms.actions });
  // One that has begun asks nobody again.
  const casts = begins.state === 'ACTIVE' ? undefined : castsOf([...new Set([...approvals, ...counted])]);
  return {
    id: randomUUID(),
    requestId: request.id,
    item: item.item,
    requester: request.requester,
    subject: request.subject,
    approvers: approvals.map(({ reviewer }) => reviewer),
    ...(casts === undefined ? {} : { casts }),
    actions: terms.actions,
    ...(asked === undefined ? {} : { asked }),
    resource: item.resource,
    workflow: workflow.id,
    steps: workflow.steps.map((step) => step.name),
    seats: workflow.steps.map((step) => step.seats),
    reason: request.reason,
    ticket: request.ticket,
    ...begins,
    terms: {
      breakGlass: request.breakGlass,
      onChange: workflow.onChange,
      ...(workflow.idleMs === undefined ? {} : { idleMs: workflow.idleMs }),
      maxExtensions: workflow.extensions,
    },
    extensions: 0,
    usesLeft: workflow.uses,
    lastUsedAt: undefined,
  };
}

function castsOf(reviews: readonly CountedReview[]): readonly KeptCast[] {
  return reviews.map(({ reviewer, at, signIn, filled, stoodIn }) => ({
    reviewer,
    at,
    signIn,
    filled,
    stoodIn,
  }));
}

function askedOtherwise(
  { durationMs, startsAt }: AccessRequest,
  { actions }: RequestItem,
  granted: Pick<LiveGrant, 'actions' | 'durationMs'>,
): AskedOtherwise | undefined {
  const asked = {
    ...(actions.length === granted.actions.length ? {} : { actions }),
    ...(durationMs === granted.durationMs ? {} : { durationMs }),
    ...(startsAt === undefined ? {} : { startsAt }),
  };
  return Object.keys(asked).length === 0 ? undefined : asked;
}

function beginning(
  request: AccessRequest,
  { workflow }: RequestItem,
  terms: CountedVotes['terms'],
  now: Date,
): Pick<LiveGrant, 'state' | 'startsAt' | 'expiresAt' | 'durationMs'> {
  if (workflow.start === 'first-use') {
    const expiresAt = new Date(now.getTime() + workflow.claimMs);
    return { state: 'CLAIMABLE', startsAt: now, expiresAt, durationMs: terms.durationMs };
  }
  const { startsAt, expiresAt } = windowOf(request, terms, now);
  const durationMs = expiresAt.getTime() - startsAt.getTime();
  return { state: startsAt > now ? 'SCHEDULED' : 'ACTIVE', startsAt, expiresAt, durationMs };
}

function startedEvent(grant: LiveGrant, now: Date): Extract<LedgerEvent, { readonly kind: 'GRANT_STARTED' }> {
  return {
    kind: 'GRANT_STARTED',
    at: now,
    actor: SYSTEM_ACTOR,
    requestId: grant.requestId,
    grantId: grant.id,
    item: grant.item,
    requester: grant.requester,
    subject: grant.subject,
    approvers: grant.approvers,
    ...(grant.casts === undefined ? {} : { casts: grant.casts }),
    actions: grant.actions,
    ...(grant.asked === undefined ? {} : { asked: grant.asked }),
    resource: grant.resource,
    workflow: grant.workflow,
    steps: grant.steps,
    seats: grant.seats,
    state: grant.state,
    startsAt: grant.startsAt,
    expiresAt: grant.expiresAt,
    durationMs: grant.durationMs,
    terms: grant.terms,
    ...(grant.usesLeft === undefined ? {} : { usesLeft: grant.usesLeft }),
    text: JSON.stringify({ reason: grant.reason, ticket: grant.ticket }),
  };
}
