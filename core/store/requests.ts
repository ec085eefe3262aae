import { sql } from 'kysely';
import type { AccessRequest } from '../access/request.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type ItemRow, type RequestRow, type ReviewRow, toRequests } from './request-row.ts';
import { Call, send, type Statement } from './statement.ts';
import { clockCall, type Locked, nowOf, type Trx } from './transition.ts';

const LOCK_REQUEST: Statement = {
  name: 'lock_request',
  isRead: true,
  text: `
    SELECT id, requester, subject, reason, ticket, duration_ms, starts_at, break_glass, extends, extension, request_hash, created_at
    FROM access_requests WHERE id = $1 FOR UPDATE`,
};

const READ_REQUESTS: Statement = {
  name: 'read_requests',
  isRead: true,
  text: `
    SELECT id, requester, subject, reason, ticket, duration_ms, starts_at, break_glass, extends, extension, request_hash, created_at
    FROM access_requests WHERE id = ANY($1::uuid[])`,
};

const READ_ITEMS: Statement = {
  name: 'read_items',
  isRead: true,
  text: `
    SELECT items.request_id, items.item, items.resource, items.actions, items.workflow, items.state, items.expires_at,
      items.resolved_at, items.denied_because, coalesce(grants.id, requests.extends) AS grant_id,
      requests.break_glass AND EXISTS (
        SELECT FROM owed_reviews AS owed WHERE owed.grant_id = grants.id AND owed.settled_at IS NULL
      ) AS is_owed
    FROM request_items AS items
    JOIN access_requests AS requests ON requests.id = items.request_id
    LEFT JOIN grants ON grants.request_id = items.request_id AND grants.item = items.item
    WHERE items.request_id = ANY($1::uuid[]) ORDER BY items.item`,
};

const READ_REVIEWS: Statement = {
  name: 'read_reviews',
  isRead: true,
  text: `
    SELECT request_id, item, reviewer, verdict, comment, policy_digest, created_at, actions, duration_ms, starts_at, withdrawn_at,
      signed_in_at, sign_in_methods
    FROM reviews WHERE request_id = ANY($1::uuid[]) ORDER BY position`,
};

/** Takes the request's row for this transaction and reads it whole; undefined when there is none. */
export async function lockRequest(trx: Trx, id: string): Promise<Locked<AccessRequest> | undefined> {
  const requests = new Call<RequestRow>(LOCK_REQUEST, [id]);
  // Statements of their own: within one, they would be of the moment before the lock was waited for, without the last vote.
  const items = new Call<ItemRow>(READ_ITEMS, [[id]]);
  const reviews = new Call<ReviewRow>(READ_REVIEWS, [[id]]);
  const clock = clockCall();
  await send(trx, requests, items, reviews, clock);
  const [row] = toRequests(requests.rows, items.rows, reviews.rows);
  return row === undefined ? undefined : { row, now: nowOf(clock) };
}

/** @throws AccessError */
export async function readRequest(database: Database, id: string): Promise<AccessRequest | undefined> {
  const [request] = await readRequests(database, [id]);
  return request;
}

/** Those of the requests that there are, in any order. @throws AccessError */
export async function readRequests(
  database: Database,
  ids: readonly string[],
): Promise<readonly AccessRequest[]> {
  if (ids.length === 0) return [];
  return await guarded(async () => {
    const requests = new Call<RequestRow>(READ_REQUESTS, [ids]);
    const items = new Call<ItemRow>(READ_ITEMS, [ids]);
    const reviews = new Call<ReviewRow>(READ_REVIEWS, [ids]);
    await send(database, requests, items, reviews);
    return toRequests(requests.rows, items.rows, reviews.rows);
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

/** The ids of pending requests of which the person or service is requester or subject, for a transaction that will lock them. */
export async function pendingRequestsBy(trx: Trx, party: string): Promise<readonly string[]> {
  const rows = await trx
    .selectFrom('access_requests')
    .select('id')
    .where('state', '=', 'PENDING')
    .where((where) => where.or([where('requester', '=', party), where('subject', '=', party)]))
    .execute();
  return rows.map((row) => row.id);
}

/** The ids of pending requests that one of the people has a vote on which was not taken back, for a transaction that will lock them. */
export async function pendingRequestsVotedBy(
  trx: Trx,
  reviewers: readonly string[],
): Promise<readonly string[]> {
  const rows = await trx
    .selectFrom('reviews')
    .innerJoin('request_items', (join) =>
      join
        .onRef('request_items.request_id', '=', 'reviews.request_id')
        .onRef('request_items.item', '=', 'reviews.item'),
    )
    .select('reviews.request_id')
    .distinct()
    .where('reviews.reviewer', 'in', reviewers)
    .where('reviews.withdrawn_at', 'is', null)
    .where('request_items.state', '=', 'PENDING')
    .execute();
  return rows.map((row) => row.request_id);
}

/** Pending requests with an approval that was not taken back on an item that is pending, by id. @throws AccessError */
export async function pendingRequestsApproved(
  database: Database,
  { after, size }: { readonly after: string | undefined; readonly size: number },
): Promise<readonly AccessRequest[]> {
  return await guarded(async () => {
    const { rows } = await sql<{ readonly id: string }>`
      SELECT DISTINCT request_id AS id FROM open_steps AS open
      WHERE ${after === undefined ? sql`true` : sql`request_id > ${after}::uuid`} AND EXISTS (
        SELECT FROM reviews
        WHERE reviews.request_id = open.request_id AND reviews.item = open.item
          AND verdict = 'APPROVE' AND withdrawn_at IS NULL)
      ORDER BY id LIMIT ${size}`.execute(database);
    const requests = await readRequests(
      database,
      rows.map(({ id }) => id),
    );
    return requests.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  });
}
