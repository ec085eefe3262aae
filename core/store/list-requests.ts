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

interface Found {
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

/**
 * A way in which somebody may come to fill a step. The ways of one person together bound what they may review; each request is still
 * asked about.
 */
export interface ReviewWay {
  readonly step: string;
  readonly by: 'resource_type' | 'resource' | 'requester' | 'subject';
  /** The type, or the key of the entity. */
  readonly is: string;
}

/** Rows read for a chunk; of more ways than half as many, two each. */
const MOST_READ = 5_000;

/** Requests with an open step that one of the ways leads to, newest first; a chunk may be short. @throws AccessError */
export async function listToReview(
  database: Database,
  ways: readonly ReviewWay[],
  { before = NEWEST, size }: RequestPage,
): Promise<Chunk<PlacedRequest>> {
  if (ways.length === 0) return { rows: [], isLast: true };
  const ofEach = Math.max(2, Math.min(size, Math.floor(MOST_READ / ways.length)));
  const scans = [...Map.groupBy(ways, (way) => way.by)].map(([column, of]) =>
    scanOf(column, of, { before, size: ofEach }),
  );
  // Below where the first way breaks off, rows of it may be missing between those of the others.
  return await guarded(async () => {
    const { rows } = await sql<Found & { readonly is_all: boolean }>`
      WITH open AS MATERIALIZED (${sql.join(scans, sql` UNION ALL `)}),
      broken_off AS (
        SELECT max(lowest) AS at FROM (
          SELECT min(position) AS lowest FROM open GROUP BY column_name, way HAVING count(*) = ${ofEach}::int) AS full_one
      )
      SELECT request_id AS id, position, at IS NULL AS is_all FROM open, broken_off
      WHERE position >= COALESCE(at, 0) ORDER BY position DESC LIMIT ${size}`.execute(database);
    const isAll = rows[0]?.is_all ?? true;
    return { ...(await chunkOf(database, rows, size)), isLast: isAll && rows.length < size };
  });
}

function scanOf(column: ReviewWay['by'], ways: readonly ReviewWay[], { before, size }: RequestPage) {
  const [steps, values] = [ways.map((way) => way.step), ways.map((way) => way.is)];
  return sql`
    SELECT ${column}::text AS column_name, way, found.request_id, found.position
    FROM unnest(${steps}::text[], ${values}::text[]) WITH ORDINALITY AS ways (step, value, way)
    CROSS JOIN LATERAL (
      SELECT request_id, position FROM open_steps
      WHERE step = ways.step AND ${sql.ref(column)} = ways.value AND position < ${before}
      ORDER BY position DESC LIMIT ${size}) AS found`;
}

async function chunkOf(
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
