import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type Chunk, chunkOf, type Found, type PlacedRequest, type RequestPage } from './list-requests.ts';
import { Call, send, type Statement } from './statement.ts';

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
    const ends = await readEnds(database, ways, { before, now });
    const looked = inTime(ways, ends);
    for (let span = FIRST_SPAN * BigInt(size); ; span *= WIDER) {
      const found = await readToReview(database, looked, { from: ends.end - span, size });
      if (found.length === size || span >= ends.end) return await chunkOf(database, found, size);
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
 * Up to where requests are looked for: what counts later does so in the order of positions, but for an hour. Transactions overtake each
 * other and clocks are set back, so of two requests the older may have the higher position.
 */
const READ_ENDS: Statement = {
  name: 'read_ends',
  isRead: true,
  text: `
    WITH RECURSIVE kinds (step, after_ms) AS (
      SELECT step, (
        SELECT min(after_ms) FROM open_steps WHERE open_steps.step = named.step AND opens_at IS NOT NULL)
      FROM unnest($1::text[]) AS named (step)
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
      WHERE open_steps.step = kinds.step AND open_steps.after_ms = kinds.after_ms
        AND opens_at <= $2 AND opens_at > newest.opens_at - interval '1 hour')
    FROM kinds CROSS JOIN LATERAL (
      SELECT max(opens_at) AS opens_at FROM open_steps
      WHERE open_steps.step = kinds.step AND open_steps.after_ms = kinds.after_ms AND opens_at <= $2) AS newest
    WHERE after_ms IS NOT NULL AND newest.opens_at IS NOT NULL`,
};

interface EndRow {
  /** NULL, as `after_ms`, for all requests. */
  readonly step: string | null;
  readonly after_ms: bigint | null;
  readonly last: bigint | null;
}

async function readEnds(
  database: Database,
  ways: readonly ReviewWay[],
  { before, now }: Pick<RequestPage, 'before'> & { readonly now: Date },
): Promise<Ends> {
  const call = new Call<EndRow>(READ_ENDS, [[...new Set(ways.map((way) => way.step))], now]);
  await send(database, call);
  let end = before;
  const later: LaterSteps[] = [];
  for (const { step, after_ms: afterMs, last } of call.rows) {
    const beyond = (last ?? 0n) + 1n;
    if (step === null || afterMs === null) end ??= beyond;
    else later.push({ step, afterMs, end: beyond });
  }
  return { end: end ?? 1n, later };
}

/** Steps of one name that count from the same time on. */
interface Kind {
  readonly step: string;
  readonly afterMs: bigint;
  readonly end: bigint;
}

/** Ways, and by their places in the list the kinds of steps that they lead to. */
interface Looked {
  readonly kinds: readonly Kind[];
  readonly ways: readonly { readonly kind: number; readonly by: ReviewWay['by']; readonly is: string }[];
}

function inTime(ways: readonly ReviewWay[], { end, later }: Ends): Looked {
  const kinds = [...new Set(ways.map((way) => way.step))].flatMap((step): readonly Kind[] => [
    { step, afterMs: 0n, end },
    ...later.filter((it) => it.step === step).map((it) => ({ ...it, end: it.end < end ? it.end : end })),
  ]);
  const byStep = Map.groupBy(kinds.keys(), (kind) => kinds[kind]?.step);
  const looked = ways.flatMap(({ step, by, is }) =>
    (byStep.get(step) ?? []).map((kind) => ({ kind, by, is })),
  );
  return { kinds, ways: looked };
}

/** Positions that a chunk is looked for in. */
interface Stretch {
  readonly from: bigint;
  readonly size: number;
}

const COLUMNS: readonly ReviewWay['by'][] = ['resource_type', 'resource', 'requester', 'subject'];
/** Parameters: the first position, how many rows, what the kinds of steps have, and for each column what its ways have. */
const [OF_ALL, OF_EACH] = [5, 2];

const TO_REVIEW: Statement = {
  name: 'to_review',
  isRead: true,
  text: `
    WITH newest AS MATERIALIZED (
      SELECT * FROM (${COLUMNS.map(newestOf).join(' UNION ALL ')}) AS one ORDER BY position DESC LIMIT $2::int),
    oldest AS (SELECT CASE count(*) WHEN $2::int THEN min(position) ELSE $1::bigint END AS position FROM newest)
    SELECT request_id AS id, position FROM (${COLUMNS.map(foundBy).join(' UNION ALL ')}) AS found
    ORDER BY position DESC LIMIT $2::int`,
};

function newestOf(column: ReviewWay['by'], index: number): string {
  const first = OF_ALL + OF_EACH * index + 1;
  return `
    (SELECT '${column}' AS column_name, way.step, way.after_ms, way.value, way.end_at, one.position
     FROM (
       SELECT step, after_ms, end_at, value
       FROM unnest($3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS kinds (step, after_ms, end_at, kind)
       JOIN unnest($${first}::bigint[], $${first + 1}::text[]) AS named (kind, value) USING (kind)) AS way
     CROSS JOIN LATERAL (
       SELECT position FROM open_steps
       WHERE step = way.step AND after_ms = way.after_ms AND ${column} = way.value
         AND position >= $1::bigint AND position < way.end_at
       ORDER BY position DESC LIMIT 1) AS one
     ORDER BY one.position DESC LIMIT $2::int)`;
}

function foundBy(column: ReviewWay['by']): string {
  return `
    SELECT each.request_id, each.position FROM newest AS way, oldest
    CROSS JOIN LATERAL (
      SELECT request_id, position FROM open_steps
      WHERE step = way.step AND after_ms = way.after_ms AND ${column} = way.value
        AND position < way.end_at AND position >= oldest.position
      ORDER BY position DESC LIMIT $2::int) AS each
    WHERE way.column_name = '${column}'`;
}

/** What is wanted is among the ways whose newest are newest, and none of it older than those. */
async function readToReview(
  database: Database,
  { kinds, ways }: Looked,
  { from, size }: Stretch,
): Promise<readonly Found[]> {
  const ofKinds = [
    kinds.map(({ step }) => step),
    kinds.map(({ afterMs }) => afterMs),
    kinds.map(({ end }) => end),
  ];
  const byColumn = Map.groupBy(ways, (way) => way.by);
  const ofColumns = COLUMNS.flatMap((column) => {
    const own = byColumn.get(column) ?? [];
    // The database counts from one.
    return [own.map(({ kind }) => kind + 1), own.map(({ is }) => is)];
  });
  const call = new Call<Found>(TO_REVIEW, [from, size, ...ofKinds, ...ofColumns]);
  await send(database, call);
  return call.rows;
}
