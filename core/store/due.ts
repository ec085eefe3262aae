import { type RawBuilder, sql } from 'kysely';
import { IDLE_GRACE_MS } from '../access/grant.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

/** What time has done and nobody has written down yet, one kind per index that finds it. */
export const DUE_KINDS = ['items', 'ends', 'idle', 'starts'] as const;
export type DueKind = (typeof DUE_KINDS)[number];

/** A request whose item has lapsed, or a grant that is over or has begun. */
export interface Due {
  /** Of the request for `items`, of the grant for the others. */
  readonly id: string;
  /** Where it stands in the order of its kind: milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * What is due by the database's clock, longest due first. It is for looking at: whoever writes locks the row and looks again.
 * @param after the last one of the page before
 * @throws AccessError
 */
export async function readDue(
  database: Database,
  kind: DueKind,
  page: { readonly after: Due | undefined; readonly size: number },
): Promise<readonly Due[]> {
  const { from, id, at, until } = FINDERS[kind];
  const { after, size } = page;
  const beyond =
    after === undefined
      ? sql`true`
      : sql`(${at}, ${id}) > (${instantOf(kind, after.atMs)}, ${after.id}::uuid)`;
  const { rows } = await guarded(() =>
    sql<Due>`
      SELECT ${id} AS id, ${kind === 'idle' ? sql`(${at})::float8` : sql`(extract(epoch FROM ${at}) * 1000)::float8`} AS "atMs"
      FROM ${from} AND ${at} <= ${until} AND ${beyond}
      ORDER BY ${at}, ${id} LIMIT ${size}`.execute(database),
  );
  return rows;
}

function instantOf(kind: DueKind, ms: number): RawBuilder<unknown> {
  return kind === 'idle' ? sql`${ms}::numeric` : sql`${new Date(ms)}::timestamptz`;
}

interface Finder {
  readonly from: RawBuilder<unknown>;
  readonly id: RawBuilder<unknown>;
  readonly at: RawBuilder<unknown>;
  readonly until: RawBuilder<unknown>;
}

// Unlike clock_timestamp(), it is the same for the whole statement, so that an index finds it.
const NOW = sql`statement_timestamp()`;

const IDLE_AT = sql`(extract(epoch FROM greatest(starts_at, last_used_at) - TIMESTAMPTZ '1970-01-01 00:00:00+00') * 1000 + idle_ms)`;

const FINDERS: Readonly<Record<DueKind, Finder>> = {
  items: {
    from: sql`request_items WHERE state = 'PENDING'`,
    id: sql`request_id`,
    at: sql`expires_at`,
    until: NOW,
  },
  ends: { from: sql`grants WHERE state <> 'ENDED'`, id: sql`id`, at: sql`expires_at`, until: NOW },
  idle: {
    from: sql`grants WHERE state = 'ACTIVE' AND idle_ms IS NOT NULL`,
    id: sql`id`,
    at: IDLE_AT,
    until: sql`extract(epoch FROM ${NOW}) * 1000 - ${IDLE_GRACE_MS}::numeric`,
  },
  starts: { from: sql`grants WHERE state = 'SCHEDULED'`, id: sql`id`, at: sql`starts_at`, until: NOW },
};
