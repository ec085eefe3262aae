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

/** Positions that are looked at first, for each row that is wanted; where these are too few, so many times more. */
const [FIRST_SPAN, WIDER] = [64n, 32n];

/**
 * Requests with an open step that one of the ways leads to, newest first; found by several of them, one takes the place of several. Of
 * thousands of ways each is asked for its newest: that is cheap only where few of its rows are looked at, so it begins with the newest of
 * all.
 * @throws AccessError
 */
export async function listToReview(
  database: Database,
  ways: readonly ReviewWay[],
  { before, size }: RequestPage,
): Promise<Chunk<PlacedRequest>> {
  if (ways.length === 0) return { rows: [], isLast: true };
  return await guarded(async () => {
    const end = before ?? (await endOfPositions(database));
    for (let span = FIRST_SPAN * BigInt(size); ; span *= WIDER) {
      const found = await readToReview(database, ways, { from: end - span, end, size });
      if (found.length === size || span >= end) return await chunkOf(database, found, size);
    }
  });
}

/** Beyond the last. */
async function endOfPositions(database: Database): Promise<bigint> {
  const { last } = await database
    .selectFrom('access_requests')
    .select(({ fn }) => fn.max('position').as('last'))
    .executeTakeFirstOrThrow();
  return (last ?? 0n) + 1n;
}

/** Positions that a chunk is looked for in. */
interface Stretch {
  readonly from: bigint;
  /** The first after it. */
  readonly end: bigint;
  readonly size: number;
}

/** What is wanted is among the ways whose newest are newest, and none of it older than those. */
async function readToReview(
  database: Database,
  ways: readonly ReviewWay[],
  stretch: Stretch,
): Promise<readonly Found[]> {
  const { size } = stretch;
  const byColumn = [...Map.groupBy(ways, (way) => way.by)];
  const newest = byColumn.map(([column, of]) => newestOf(column, of, stretch));
  const found = byColumn.map(([column]) => foundBy(column, stretch));
  const { rows } = await sql<Found>`
    WITH newest AS MATERIALIZED (
      SELECT * FROM (${sql.join(newest, UNION_ALL)}) AS one ORDER BY position DESC LIMIT ${size}),
    oldest AS (SELECT CASE count(*) WHEN ${size}::int THEN min(position) ELSE ${stretch.from} END AS position FROM newest)
    SELECT request_id AS id, position FROM (${sql.join(found, UNION_ALL)}) AS found
    ORDER BY position DESC LIMIT ${size}`.execute(database);
  return rows;
}

const UNION_ALL = sql` UNION ALL `;

function newestOf(column: ReviewWay['by'], ways: readonly ReviewWay[], { from, end, size }: Stretch) {
  const [steps, values] = [ways.map((way) => way.step), ways.map((way) => way.is)];
  return sql`
    (SELECT ${column}::text AS column_name, way.step, way.value, one.position
     FROM unnest(${steps}::text[], ${values}::text[]) AS way (step, value)
     CROSS JOIN LATERAL (
       SELECT position FROM open_steps
       WHERE step = way.step AND ${sql.ref(column)} = way.value AND position >= ${from} AND position < ${end}
       ORDER BY position DESC LIMIT 1) AS one
     ORDER BY one.position DESC LIMIT ${size})`;
}

function foundBy(column: ReviewWay['by'], { end, size }: Stretch) {
  return sql`
    SELECT each.request_id, each.position FROM newest AS way, oldest
    CROSS JOIN LATERAL (
      SELECT request_id, position FROM open_steps
      WHERE step = way.step AND ${sql.ref(column)} = way.value AND position < ${end} AND position >= oldest.position
      ORDER BY position DESC LIMIT ${size}) AS each
    WHERE way.column_name = ${column}`;
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
