import type { Selectable } from 'kysely';
import { parseUidKey } from '../access/entity.ts';
import type { AccessRequest, RequestItem, Review } from '../access/request.ts';
import { DEFAULT_TERMS, type Workflow } from '../access/workflow.ts';
import type { AccessRequests, RequestItems, Reviews } from './schema.ts';

/** What is read of a request, without what only finds it. */
export type RequestRow = Omit<
  Selectable<AccessRequests>,
  'state' | 'expires_at' | 'resolved_at' | 'position' | 'wish'
>;

export type ItemRow = Selectable<RequestItems> & {
  readonly grant_id: string | null;
  readonly is_owed: boolean | null;
};

export type ReviewRow = Pick<
  Selectable<Reviews>,
  | 'request_id'
  | 'item'
  | 'reviewer'
  | 'verdict'
  | 'comment'
  | 'policy_digest'
  | 'created_at'
  | 'actions'
  | 'duration_ms'
  | 'starts_at'
  | 'withdrawn_at'
  | 'signed_in_at'
  | 'sign_in_methods'
>;

/** The requests with their items and reviews, each in the order given. */
export function toRequests(
  rows: readonly RequestRow[],
  items: readonly ItemRow[],
  reviews: readonly ReviewRow[],
): AccessRequest[] {
  return rows.map((row) => ({
    ...toRequest(row),
    items: items.filter((item) => item.request_id === row.id).map(toItem),
    reviews: reviews.filter((review) => review.request_id === row.id).map(toReview),
  }));
}

function toRequest(row: RequestRow): Omit<AccessRequest, 'items' | 'reviews'> {
  return {
    id: row.id,
    requester: parseUidKey(row.requester),
    subject: parseUidKey(row.subject),
    reason: row.reason,
    ticket: row.ticket,
    durationMs: Number(row.duration_ms),
    startsAt: row.starts_at ?? undefined,
    breakGlass: row.break_glass,
    extends: row.extends === null ? undefined : { grantId: row.extends, extension: row.extension },
    requestHash: row.request_hash,
    createdAt: row.created_at,
  };
}

function toItem(row: ItemRow): RequestItem {
  return {
    item: row.item,
    resource: parseUidKey(row.resource),
    actions: row.actions.map(parseUidKey),
    workflow: parseWorkflow(row.workflow),
    state: row.state,
    expiresAt: row.expires_at,
    resolvedAt: row.resolved_at ?? undefined,
    deniedBecause: row.denied_because,
    grantId: row.grant_id ?? undefined,
    isOwed: row.is_owed ?? false,
  };
}

function toReview(row: ReviewRow): Review {
  return {
    item: row.item,
    reviewer: parseUidKey(row.reviewer),
    verdict: row.verdict,
    comment: row.comment,
    policyDigest: row.policy_digest,
    at: row.created_at,
    narrowing: {
      actions: row.actions?.map(parseUidKey),
      durationMs: row.duration_ms === null ? undefined : Number(row.duration_ms),
      startsAt: row.starts_at ?? undefined,
    },
    withdrawnAt: row.withdrawn_at ?? undefined,
    signIn:
      row.sign_in_methods === null
        ? undefined
        : { at: row.signed_in_at ?? undefined, methods: row.sign_in_methods },
  };
}

/** One that was copied before a term existed has what its lack means. */
function parseWorkflow(text: string): Workflow {
  const workflow = JSON.parse(text) as Omit<Workflow, 'claimMs'>; // insertRequest wrote it
  return { ...DEFAULT_TERMS, claimMs: workflow.pendingMs, ...workflow };
}
