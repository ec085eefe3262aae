import { type EntityUid, sameUid, uidKey } from '../access/entity.ts';
import {
  type AccessRequest,
  aggregate,
  hashWish,
  type ItemState,
  type RequestItem,
  type RequestState,
  requestExpiresAt,
  type Review,
} from '../access/request.ts';
import { ITEM_MOVES } from '../access/states.ts';
import { closeSteps, openSteps } from './open-steps.ts';
import { Call, sendLater, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

const INSERT_REQUEST: Statement = {
  name: 'insert_request',
  isRead: false,
  text: `
    WITH written AS (
    INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at,
      expires_at, resolved_at, starts_at, break_glass, extends, extension, wish)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT 1 / count(*) FROM written`,
};

const INSERT_ITEM: Statement = {
  name: 'insert_item',
  isRead: false,
  text: `
    INSERT INTO request_items (request_id, item, resource, actions, workflow, state, expires_at, resolved_at, denied_because)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

/** Another transition has written at this moment what this one would have found: nothing is written, and it is to be decided again. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/** Writes a new request with its items. Fails as Overtaken when the same is pending already. */
export async function insertRequest(trx: Trx, request: AccessRequest): Promise<void> {
  const state = aggregate(request.items.map((item) => item.state));
  const values = [
    request.id,
    uidKey(request.requester),
    uidKey(request.subject),
    state,
    request.reason,
    request.ticket,
    request.durationMs,
    Buffer.from(request.requestHash),
    request.createdAt,
    requestExpiresAt(request.items),
    state === 'PENDING' ? null : request.createdAt,
    request.startsAt ?? null,
    request.breakGlass,
    request.extends?.grantId ?? null,
    request.extends?.extension ?? 0,
    hashWish(request),
  ];
  const insert = new Call(INSERT_REQUEST, values, () => new Overtaken('the same is asked for already'));
  const items = request.items.map((item) => insertItem(request.id, item));
  await sendLater(trx, insert, ...items, ...openSteps(request));
}

function insertItem(requestId: string, item: RequestItem): Call {
  return new Call(INSERT_ITEM, [
    requestId,
    item.item,
    uidKey(item.resource),
    item.actions.map(uidKey),
    JSON.stringify(item.workflow),
    item.state,
    item.expiresAt,
    item.resolvedAt ?? null,
    item.deniedBecause,
  ]);
}

/** How an item was decided. */
export interface Resolution {
  readonly item: number;
  readonly state: Exclude<ItemState, 'PENDING'>;
  readonly at: Date;
  readonly because?: string;
}

const RESOLVE_ITEM: Statement = {
  name: 'resolve_item',
  isRead: false,
  text: `
    WITH changed AS (
      UPDATE request_items SET state = $3, resolved_at = $4, denied_because = $5
      WHERE request_id = $1 AND item = $2 AND state = $6 RETURNING 1
    )
    SELECT 1 / count(*) FROM changed`,
};

const RESOLVE_REQUEST: Statement = {
  name: 'resolve_request',
  isRead: false,
  text: `
    WITH changed AS (
      UPDATE access_requests SET state = $2, resolved_at = $3 WHERE id = $1 AND state = 'PENDING' RETURNING 1
    )
    SELECT 1 / count(*) FROM changed`,
};

/**
 * Writes the outcome of pending items and what the request comes to. The caller holds the row and has checked: when an item was not
 * pending, the transaction fails.
 * @returns the request as it is then
 */
export async function resolveItems(
  trx: Trx,
  request: AccessRequest,
  resolutions: readonly Resolution[],
): Promise<AccessRequest> {
  if (resolutions.length === 0) return request;
  const resolved = withResolutions(request, resolutions);
  const items = resolutions.map((resolution) => resolveItem(request.id, resolution));
  const closed = closeSteps(
    request,
    resolutions.map(({ item }) => item),
  );
  await sendLater(trx, ...items, ...closed, ...resolveRequest(resolved));
  return resolved;
}

function resolveItem(requestId: string, { item, state, at, because }: Resolution): Call {
  const wasNot = (): Error => new Error(`item ${item} of request ${requestId} was not pending`);
  return new Call(RESOLVE_ITEM, [requestId, item, state, at, because ?? '', ITEM_MOVES[state].from], wasNot);
}

function withResolutions(request: AccessRequest, resolutions: readonly Resolution[]): AccessRequest {
  const items = request.items.map((item) => {
    const found = resolutions.find((resolution) => resolution.item === item.item);
    if (found === undefined) return item;
    return { ...item, state: found.state, resolvedAt: found.at, deniedBecause: found.because ?? '' };
  });
  return { ...request, items };
}

function resolveRequest({ id, items }: AccessRequest): readonly Call[] {
  const state: RequestState = aggregate(items.map((item) => item.state));
  if (state === 'PENDING') return [];
  const lastMs = Math.max(...items.map((item) => item.resolvedAt?.getTime() ?? 0));
  const wasNot = (): Error => new Error(`request ${id} was not pending`);
  return [new Call(RESOLVE_REQUEST, [id, state, new Date(lastMs)], wasNot)];
}

const INSERT_REVIEW: Statement = {
  name: 'insert_review',
  isRead: false,
  text: `
    INSERT INTO reviews (request_id, item, reviewer, requester, subject, request_hash, verdict, comment, policy_digest, created_at,
      actions, duration_ms, starts_at, signed_in_at, sign_in_methods)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
};

/** Writes votes; the database refuses a second one of a person on an item while the first stands, and one on another hash. */
export async function insertReviews(
  trx: Trx,
  request: AccessRequest,
  reviews: readonly Review[],
): Promise<void> {
  const inserts = reviews.map(
    (review) =>
      new Call(INSERT_REVIEW, [
        request.id,
        review.item,
        uidKey(review.reviewer),
        uidKey(request.requester),
        uidKey(request.subject),
        Buffer.from(request.requestHash),
        review.verdict,
        review.comment,
        review.policyDigest,
        review.at,
        review.narrowing.actions?.map(uidKey) ?? null,
        review.narrowing.durationMs ?? null,
        review.narrowing.startsAt ?? null,
        review.signIn?.at ?? null,
        review.signIn?.methods ?? null,
      ]),
  );
  await sendLater(trx, ...inserts);
}

const WITHDRAW_REVIEW: Statement = {
  name: 'withdraw_review',
  isRead: false,
  text: `
    WITH changed AS (
      UPDATE reviews SET withdrawn_at = $4
      WHERE request_id = $1 AND item = $2 AND reviewer = $3 AND withdrawn_at IS NULL RETURNING 1
    )
    SELECT 1 / count(*) FROM changed`,
};

/**
 * Writes that a reviewer took back their votes on these items of a locked request.
 * @returns the request as it is then
 */
export async function withdrawReviews(
  trx: Trx,
  request: AccessRequest,
  {
    reviewer,
    items,
    at,
  }: { readonly reviewer: EntityUid; readonly items: readonly number[]; readonly at: Date },
): Promise<AccessRequest> {
  const key = uidKey(reviewer);
  const wasNot = (): Error => new Error(`${key} has no vote on request ${request.id} to take back`);
  const calls = items.map((item) => new Call(WITHDRAW_REVIEW, [request.id, item, key, at], wasNot));
  await sendLater(trx, ...calls);
  const isTakenBack = (review: Review): boolean =>
    review.withdrawnAt === undefined && items.includes(review.item) && sameUid(review.reviewer, reviewer);
  return {
    ...request,
    reviews: request.reviews.map((review) => (isTakenBack(review) ? { ...review, withdrawnAt: at } : review)),
  };
}
