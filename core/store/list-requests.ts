import { sql } from 'kysely';
import type { AccessRequest, RequestState } from '../access/request.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { readRequests } from './requests.ts';

export interface PlacedRequest {
  readonly position: bigint;
  readonly request: AccessRequest;
}

/** A stretch of a list. */
export interface Chunk<T> {
  /** By position, newest first. */
  readonly rows: readonly T[];
  /** Whether nothing follows. */
  readonly isLast: boolean;
}

export interface RequestPage {
  /** Position of the last one of the page before. */
  readonly before: bigint | undefined;
  readonly size: number;
}

export interface RequestFilter {
  /** Only of this requester or subject. */
  readonly party: string | undefined;
  /** As of `now`; a superset is listed, because what has lapsed may not be written down yet. */
  readonly states: readonly RequestState[];
  readonly now: Date;
}

const ALL_STATES: readonly RequestState[] = [
  'PENDING',
  'APPROVED',
  'PARTIALLY_APPROVED',
  'DENIED',
  'WITHDRAWN',
  'EXPIRED',
];

/** Of no request: positions begin at 1. */
const NEWEST = 2n ** 63n - 1n;

/** Where a request is in lists. */
export interface Found {
  readonly id: string;
  readonly position: bigint;
}

/** Requests by position, newest first. @throws AccessError */
export async function listRequests(
  database: Database,
  filter: RequestFilter,
  page: RequestPage,
): Promise<Chunk<PlacedRequest>> {
  return await guarded(async () => {
    const { rows } = await (filter.party === undefined
      ? ofEverybody(filter, page)
      : ofParty(filter, filter.party, page)
    ).execute(database);
    return await chunkOf(database, rows, page.size);
  });
}

/**
 * One ordered scan per state, merged. What lapsed is looked up from its end: all that is pending would have to be read to find it. That
 * is little, for whatever looks after lapses writes them down.
 */
function ofEverybody({ states, now }: RequestFilter, { before = NEWEST, size }: RequestPage) {
  const wanted = states.length === 0 ? ALL_STATES : states;
  const isLapsedWanted = states.some((state) => state !== 'PENDING') && !states.includes('PENDING');
  return sql<Found>`
    SELECT id, position FROM (
      SELECT found.id, found.position FROM unnest(${wanted}::request_state[]) AS wanted (state)
      CROSS JOIN LATERAL (
        SELECT id, position FROM access_requests WHERE state = wanted.state AND position < ${before}
        ORDER BY position DESC LIMIT ${size}) AS found
      UNION
      (SELECT DISTINCT request_id, position FROM open_steps
       WHERE ${isLapsedWanted}::boolean AND expires_at <= ${now} AND position < ${before}
       ORDER BY position DESC LIMIT ${size})
    ) AS request ORDER BY position DESC LIMIT ${size}`;
}

/** What a person has pending is little, so it is read whatever states are wanted. */
function ofParty({ states }: RequestFilter, party: string, { before = NEWEST, size }: RequestPage) {
  const wanted = states.length === 0 ? ALL_STATES : [...new Set<RequestState>([...states, 'PENDING'])];
  return sql<Found>`
    SELECT id, position FROM (
      SELECT found.id, found.position FROM unnest(${wanted}::request_state[]) AS wanted (state)
      CROSS JOIN LATERAL (
        SELECT id, position FROM access_requests
        WHERE requester = ${party} AND state = wanted.state AND position < ${before}
        ORDER BY position DESC LIMIT ${size}) AS found
      UNION
      SELECT found.id, found.position FROM unnest(${wanted}::request_state[]) AS wanted (state)
      CROSS JOIN LATERAL (
        SELECT id, position FROM access_requests
        WHERE subject = ${party} AND state = wanted.state AND position < ${before}
        ORDER BY position DESC LIMIT ${size}) AS found
    ) AS request ORDER BY position DESC LIMIT ${size}`;
}

/** The requests that were found, read whole, newest first. */
export async function chunkOf(
  database: Database,
  found: readonly Found[],
  size: number,
): Promise<Chunk<PlacedRequest>> {
  const positions = new Map(found.map(({ id, position }) => [id, position]));
  const requests = await readRequests(database, [...positions.keys()]);
  const rows = requests.map((request) => ({ request, position: positions.get(request.id) ?? 0n }));
  return {
    rows: rows.toSorted((a, b) => Number(b.position - a.position)),
    isLast: found.length < size,
  };
}
