import { sql } from 'kysely';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type Chunk, chunkOf, type Found, type PlacedRequest, type RequestPage } from './list-requests.ts';

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
  { before, size, now }: RequestPage & { readonly now: Date },
): Promise<Chunk<PlacedRequest>> {
  if (ways.length === 0) return { rows: [], isLast: true };
  return await guarded(async () => {
    const { end, later } = await readEnds(database, ways, { before, now });
    const looked = ways.flatMap((way) => inTime(way, later, end));
    for (let span = FIRST_SPAN * BigInt(size); ; span *= WIDER) {
      const found = await readToReview(database, looked, { from: end - span, size });
      if (found.length === size || span >= end) return await chunkOf(database, found, size);
    }
  });
}

/** Steps that count from some time after the request was made. */
interface LaterSteps {
  readonly step: string;
  readonly afterMs: bigint;
  /** Beyond the last of them that counts by now. */
  readonly end: bigint;
}

interface Ends {
  /** Beyond the last request that is looked for. */
  readonly end: bigint;
  readonly later: readonly LaterSteps[];
}

/**
 * How far apart in time two requests may be made of which the older has the higher position: transactions overtake each other, and a
 * clock is set back.
 */
const OVERTAKING = sql`interval '1 hour'`;

/** Up to where requests are looked for: what counts later does so in the order of positions, but for `OVERTAKING`. */
async function readEnds(
  database: Database,
  ways: readonly ReviewWay[],
  { before, now }: Pick<RequestPage, 'before'> & { readonly now: Date },
): Promise<Ends> {
  const steps = [...new Set(ways.map((way) => way.step))];
  const { rows } = await sql<{ step: string | null; after_ms: bigint | null; last: bigint | null }>`
    WITH RECURSIVE kinds (step, after_ms) AS (
      SELECT step, (
        SELECT min(after_ms) FROM open_steps WHERE open_steps.step = named.step AND opens_at IS NOT NULL)
      FROM unnest(${steps}::text[]) AS named (step)
      UNION ALL
      SELECT step, (
        SELECT min(after_ms) FROM open_steps
        WHERE open_steps.step = kinds.step AND open_steps.after_ms > kinds.after_ms AND opens_at IS NOT NULL)
      FROM kinds WHERE after_ms IS NOT NULL
    )
    SELECT NULL AS step, NULL AS after_ms, max(position) AS last FROM access_requests
    UNION ALL
    SELECT step, after_ms, (
      SELECT max(position) FROM open_steps
      WHERE open_steps.step = kinds.step AND open_steps.after_ms = kinds.after_ms AND opens_at <= ${now} AND opens_at > newest.opens_at - ${OVERTAKING})
    FROM kinds CROSS JOIN LATERAL (
      SELECT max(opens_at) AS opens_at FROM open_steps
      WHERE open_steps.step = kinds.step AND open_steps.after_ms = kinds.after_ms AND opens_at <= ${now}) AS newest
    WHERE after_ms IS NOT NULL AND newest.opens_at IS NOT NULL`.execute(database);
  let end = before;
  const later: LaterSteps[] = [];
  for (const { step, after_ms: afterMs, last } of rows) {
    const beyond = (last ?? 0n) + 1n;
    if (step === null || afterMs === null) end ??= beyond;
    else later.push({ step, afterMs, end: beyond });
  }
  return { end: end ?? 1n, later };
}

/** A way to steps that count from the same time on. */
interface WayInTime extends ReviewWay {
  readonly afterMs: bigint;
  readonly end: bigint;
}

function inTime(way: ReviewWay, later: readonly LaterSteps[], end: bigint): readonly WayInTime[] {
  const standIns = later.filter(({ step }) => step === way.step);
  return [
    { ...way, afterMs: 0n, end },
    ...standIns.map((it) => ({ ...way, afterMs: it.afterMs, end: it.end < end ? it.end : end })),
  ];
}

/** Positions that a chunk is looked for in. */
interface Stretch {
  readonly from: bigint;
  readonly size: number;
}

/** What is wanted is among the ways whose newest are newest, and none of it older than those. */
async function readToReview(
  database: Database,
  ways: readonly WayInTime[],
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

function newestOf(column: ReviewWay['by'], ways: readonly WayInTime[], { from, size }: Stretch) {
  const [steps, afterMs] = [ways.map((way) => way.step), ways.map((way) => way.afterMs)];
  const [values, ends] = [ways.map((way) => way.is), ways.map((way) => way.end)];
  return sql`
    (SELECT ${column}::text AS column_name, way.step, way.after_ms, way.value, way.end_at, one.position
     FROM unnest(${steps}::text[], ${afterMs}::bigint[], ${values}::text[], ${ends}::bigint[])
       AS way (step, after_ms, value, end_at)
     CROSS JOIN LATERAL (
       SELECT position FROM open_steps
       WHERE step = way.step AND after_ms = way.after_ms AND ${sql.ref(column)} = way.value
         AND position >= ${from} AND position < way.end_at
       ORDER BY position DESC LIMIT 1) AS one
     ORDER BY one.position DESC LIMIT ${size})`;
}

function foundBy(column: ReviewWay['by'], { size }: Stretch) {
  return sql`
    SELECT each.request_id, each.position FROM newest AS way, oldest
    CROSS JOIN LATERAL (
      SELECT request_id, position FROM open_steps
      WHERE step = way.step AND after_ms = way.after_ms AND ${sql.ref(column)} = way.value
        AND position < way.end_at AND position >= oldest.position
      ORDER BY position DESC LIMIT ${size}) AS each
    WHERE way.column_name = ${column}`;
}
