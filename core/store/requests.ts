import type { Selectable } from 'kysely';
import { parseUidKey, uidKey } from '../access/entity.ts';
import {
  type AccessRequest,
  aggregate,
  type ItemState,
  type RequestItem,
  type RequestState,
  requestExpiresAt,
  type Review,
} from '../access/request.ts';
import type { Workflow } from '../access/workflow.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { AccessRequests, RequestItems, Reviews } from './schema.ts';
import type { Trx } from './transition.ts';

type Reader = Database | Trx;

/** Writes a new request with its items. */
export async function insertRequest(trx: Trx, request: AccessRequest): Promise<void> {
  const state = aggregate(request.items.map((item) => item.state));
  await trx
    .insertInto('access_requests')
    .values({
      id: request.id,
      requester: uidKey(request.requester),
      subject: uidKey(request.subject),
      state,
      reason: request.reason,
      ticket: request.ticket,
      duration_ms: request.durationMs,
      request_hash: Buffer.from(request.requestHash),
      created_at: request.createdAt,
      expires_at: requestExpiresAt(request.items),
      resolved_at: state === 'PENDING' ? null : request.createdAt,
    })
    .execute();
  await trx
    .insertInto('request_items')
    .values(
      request.items.map((item) => ({
        request_id: request.id,
        item: item.item,
        resource: uidKey(item.resource),
        actions: item.actions.map(uidKey),
        workflow: JSON.stringify(item.workflow),
        state: item.state,
        expires_at: item.expiresAt,
        resolved_at: item.resolvedAt ?? null,
        denied_because: item.deniedBecause,
      })),
    )
    .execute();
}

/** Takes the request's row for this transaction and reads it whole; undefined when there is none. */
export async function lockRequest(trx: Trx, id: string): Promise<AccessRequest | undefined> {
  const row = await trx
    .selectFrom('access_requests')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : (await complete(trx, [row]))[0];
}

/** @throws AccessError */
export async function readRequest(database: Database, id: string): Promise<AccessRequest | undefined> {
  return await guarded(async () => {
    const row = await database
      .selectFrom('access_requests')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? undefined : (await complete(database, [row]))[0];
  });
}

export interface RequestPage {
  /** Position of the last one of the page before. */
  readonly before: bigint | undefined;
  readonly size: number;
  /** Only of this requester or subject. */
  readonly party: string | undefined;
  /** Only what is pending in the record. */
  readonly isPending: boolean;
}

export interface PlacedRequest {
  readonly position: bigint;
  readonly request: AccessRequest;
}

/** Requests by position, newest first. @throws AccessError */
export async function listRequests(database: Database, page: RequestPage): Promise<readonly PlacedRequest[]> {
  const { before, party } = page;
  return await guarded(async () => {
    const rows = await database
      .selectFrom('access_requests')
      .selectAll()
      .$if(before !== undefined, (query) => query.where('position', '<', before ?? 0n))
      .$if(page.isPending, (query) => query.where('state', '=', 'PENDING'))
      .$if(party !== undefined, (query) =>
        query.where((where) =>
          where.or([where('requester', '=', party ?? ''), where('subject', '=', party ?? '')]),
        ),
      )
      .orderBy('position', 'desc')
      .limit(page.size)
      .execute();
    const requests = await complete(database, rows);
    return requests.map((request, index) => ({ request, position: rows[index]?.position ?? 0n }));
  });
}

/** The ids of pending requests in which one of the entities is requester, subject or resource, for a transaction that will lock them. */
export async function pendingRequestsOf(trx: Trx, uids: readonly string[]): Promise<readonly string[]> {
  const rows = await trx
    .selectFrom('access_requests')
    .innerJoin('request_items', 'request_items.request_id', 'access_requests.id')
    .select('access_requests.id')
    .distinct()
    .where('access_requests.state', '=', 'PENDING')
    .where((where) =>
      where.or([
        where('access_requests.requester', 'in', uids),
        where('access_requests.subject', 'in', uids),
        where('request_items.resource', 'in', uids),
      ]),
    )
    .orderBy('access_requests.id')
    .execute();
  return rows.map((row) => row.id);
}

/** How an item was decided. */
export interface Resolution {
  readonly item: number;
  readonly state: Exclude<ItemState, 'PENDING'>;
  readonly at: Date;
  readonly because?: string;
}

/**
 * Writes the outcome of pending items and what the request comes to.
 * @returns the request as it is now
 * @throws Error when an item was not pending: the caller holds the row and has checked
 */
export async function resolveItems(
  trx: Trx,
  request: AccessRequest,
  resolutions: readonly Resolution[],
): Promise<AccessRequest> {
  if (resolutions.length === 0) return request;
  for (const { item, state, at, because } of resolutions) {
    const { numUpdatedRows } = await trx
      .updateTable('request_items')
      .set({ state, resolved_at: at, denied_because: because ?? '' })
      .where('request_id', '=', request.id)
      .where('item', '=', item)
      .where('state', '=', 'PENDING')
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw new Error(`item ${item} of request ${request.id} was not pending`);
  }
  const resolved = withResolutions(request, resolutions);
  await recordState(trx, resolved);
  return resolved;
}

function withResolutions(request: AccessRequest, resolutions: readonly Resolution[]): AccessRequest {
  const items = request.items.map((item) => {
    const found = resolutions.find((resolution) => resolution.item === item.item);
    if (found === undefined) return item;
    return { ...item, state: found.state, resolvedAt: found.at, deniedBecause: found.because ?? '' };
  });
  return { ...request, items };
}

async function recordState(trx: Trx, request: AccessRequest): Promise<void> {
  const state: RequestState = aggregate(request.items.map((item) => item.state));
  if (state === 'PENDING') return;
  const lastMs = Math.max(...request.items.map((item) => item.resolvedAt?.getTime() ?? 0));
  await trx
    .updateTable('access_requests')
    .set({ state, resolved_at: new Date(lastMs) })
    .where('id', '=', request.id)
    .where('state', '=', 'PENDING')
    .executeTakeFirstOrThrow();
}

/** Writes votes; the database refuses a second one of a person on an item, and one on another hash. */
export async function insertReviews(
  trx: Trx,
  request: AccessRequest,
  reviews: readonly Review[],
): Promise<void> {
  await trx
    .insertInto('reviews')
    .values(
      reviews.map((review) => ({
        request_id: request.id,
        item: review.item,
        reviewer: uidKey(review.reviewer),
        requester: uidKey(request.requester),
        subject: uidKey(request.subject),
        request_hash: Buffer.from(request.requestHash),
        verdict: review.verdict,
        comment: review.comment,
        policy_digest: review.policyDigest,
        created_at: review.at,
      })),
    )
    .execute();
}

async function complete(
  reader: Reader,
  rows: readonly Selectable<AccessRequests>[],
): Promise<AccessRequest[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const items = await reader
    .selectFrom('request_items')
    .leftJoin('grants', (join) =>
      join
        .onRef('grants.request_id', '=', 'request_items.request_id')
        .onRef('grants.item', '=', 'request_items.item'),
    )
    .selectAll('request_items')
    .select('grants.id as grant_id')
    .where('request_items.request_id', 'in', ids)
    .orderBy('request_items.item')
    .execute();
  const reviews = await reader
    .selectFrom('reviews')
    .selectAll()
    .where('request_id', 'in', ids)
    .orderBy('created_at')
    .orderBy('item')
    .execute();
  return rows.map((row) => ({
    ...toRequest(row),
    items: items.filter((item) => item.request_id === row.id).map(toItem),
    reviews: reviews.filter((review) => review.request_id === row.id).map(toReview),
  }));
}

function toRequest(row: Selectable<AccessRequests>): Omit<AccessRequest, 'items' | 'reviews'> {
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

function toItem(row: Selectable<RequestItems> & { grant_id: string | null }): RequestItem {
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

function toReview(row: Selectable<Reviews>): Review {
  return {
    item: row.item,
    reviewer: parseUidKey(row.reviewer),
    verdict: row.verdict,
    comment: row.comment,
    policyDigest: row.policy_digest,
    at: row.created_at,
  };
}
