import type { Selectable } from 'kysely';
import { parseUidKey } from '../access/entity.ts';
import type { AccessRequest, RequestItem, Review } from '../access/request.ts';
import type { Workflow } from '../access/workflow.ts';
import type { AccessRequests, RequestItems, Reviews } from './schema.ts';

/** What is read of a request, without what only finds it. */
export type RequestRow = Omit<
  Selectable<AccessRequests>,
  'state' | 'expires_at' | 'resolved_at' | 'position'
>;

export type ItemRow = Selectable<RequestItems> & { readonly grant_id: string | null };

export type ReviewRow = Pick<
  Selectable<Reviews>,
  'request_id' | 'item' | 'reviewer' | 'verdict' | 'comment' | 'policy_digest' | 'created_at'
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
    requestHash: row.request_hash,
    createdAt: row.created_at,
  };
}

function toItem(row: ItemRow): RequestItem {
  return {
    item: row.item,
    resource: parseUidKey(row.resource),
    actions: row.actions.map(parseUidKey),
    workflow: JSON.parse(row.workflow) as Workflow, // insertRequest wrote it
    state: row.state,
    expiresAt: row.expires_at,
    resolvedAt: row.resolved_at ?? undefined,
    deniedBecause: row.denied_because,
    grantId: row.grant_id ?? undefined,
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
  };
}
