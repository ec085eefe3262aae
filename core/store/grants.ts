import { sql } from 'kysely';
import type { Grant, GrantStanding } from '../access/grant.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type GrantRow, toGrant, toStanding } from './grant-row.ts';
import { notIdle } from './idle.ts';
import { Call, send, type Statement } from './statement.ts';
import { clockCall, type Locked, nowOf, type Trx } from './transition.ts';

/** A grant with what has been written down of where it stands. */
export interface RecordedGrant {
  readonly grant: Grant;
  readonly recorded: GrantStanding;
  /** When it was approved. */
  readonly createdAt: Date;
  /** The longest that its workflow let it last without extensions; with each it may last as much longer. */
  readonly maxMs: number;
  /** Orders lists. */
  readonly position: bigint;
}

const LOCK_GRANT: Statement = {
  name: 'lock_grant',
  isRead: true,
  text: `
    SELECT id, request_id, item, requester, subject, approvers, resource, actions, workflow, steps, seats, reason, ticket, state,
      created_at, starts_at, expires_at, duration_ms, max_ms, break_glass, keep_on_change, idle_ms, last_used_at, uses_left,
      max_extensions, extensions, ended_at, end_reason, position, casts, asked
    FROM grants WHERE id = $1 FOR UPDATE`,
};

/** Takes the grant's row for this transaction; undefined when there is none. @param besides read when the row is held */
export async function lockGrant(
  trx: Trx,
  id: string,
  ...besides: readonly Call[]
): Promise<Locked<RecordedGrant> | undefined> {
  const rows = new Call<GrantRow>(LOCK_GRANT, [id]);
  // A statement of its own: within one, the clock could be read before the lock has been waited for.
  const clock = clockCall();
  await send(trx, rows, ...besides, clock);
  const [row] = rows.rows;
  return row === undefined ? undefined : { row: recorded(row), now: nowOf(clock) };
}

/** @throws AccessError */
export async function readGrant(database: Database, id: string): Promise<RecordedGrant | undefined> {
  const row = await guarded(() =>
    database.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirst(),
  );
  return row === undefined ? undefined : recorded(row);
}

/** Those of the grants that there are, by id. @throws AccessError */
export async function readGrants(
  database: Database,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RecordedGrant>> {
  if (ids.length === 0) return new Map();
  const rows = await guarded(() =>
    database.selectFrom('grants').selectAll().where('id', 'in', ids).execute(),
  );
  return new Map(rows.map((row) => [row.id, recorded(row)]));
}

export interface GrantPage {
  /** Position of the last one of the page before. */
  readonly before: bigint | undefined;
  readonly size: number;
  readonly subject: string | undefined;
}

/** Grants by position, newest first. @throws AccessError */
export async function listGrants(database: Database, page: GrantPage): Promise<readonly RecordedGrant[]> {
  const { before, subject } = page;
  const rows = await guarded(() =>
    database
      .selectFrom('grants')
      .selectAll()
      .$if(before !== undefined, (query) => query.where('position', '<', before ?? 0n))
      .$if(subject !== undefined, (query) => query.where('subject', '=', subject ?? ''))
      .orderBy('position', 'desc')
      .limit(page.size)
      .execute(),
  );
  return rows.map(recorded);
}

/** Which of the grants that have not ended. */
export type GrantSelector =
  | { readonly by: 'subject' | 'resource' | 'workflow'; readonly value: string }
  | { readonly by: 'all' };

/** Oldest first; none that has ended by the clock. @throws AccessError */
export async function liveGrantIds(
  database: Database | Trx,
  selector: GrantSelector,
): Promise<readonly string[]> {
  const rows = await guarded(() =>
    database
      .selectFrom('grants')
      .select('id')
      .$if(selector.by !== 'all', (query) =>
        selector.by === 'all' ? query : query.where(selector.by, '=', selector.value),
      )
      .where('state', '<>', 'ENDED')
      .where('expires_at', '>', sql<Date>`clock_timestamp()`)
      .where(notIdle())
      .orderBy('position')
      .execute(),
  );
  return rows.map((row) => row.id);
}

/** The revision at which a grant or a request first appears in the ledger; 0 when it does not. @throws AccessError */
export async function firstRevision(
  database: Database,
  of: { readonly grantId: string } | { readonly requestId: string },
): Promise<bigint> {
  const row = await guarded(() =>
    database
      .selectFrom('ledger')
      .select('revision')
      .$if('grantId' in of, (query) => query.where('grant_id', '=', 'grantId' in of ? of.grantId : ''))
      .$if('requestId' in of, (query) =>
        query.where('request_id', '=', 'requestId' in of ? of.requestId : ''),
      )
      .orderBy('revision')
      .limit(1)
      .executeTakeFirst(),
  );
  return row?.revision ?? 0n;
}

/** `firstRevision` of many, by id, with one query; without those that the ledger does not have. @throws AccessError */
export async function firstRevisions(
  database: Database,
  of: { readonly grantIds: readonly string[] } | { readonly requestIds: readonly string[] },
): Promise<ReadonlyMap<string, bigint>> {
  const [column, ids] =
    'grantIds' in of ? (['grant_id', of.grantIds] as const) : (['request_id', of.requestIds] as const);
  if (ids.length === 0) return new Map();
  const rows = await guarded(() =>
    database
      .selectFrom('ledger')
      .select((each) => [`${column} as id`, each.fn.min<bigint>('revision').as('revision')])
      .where(column, 'in', ids)
      .groupBy(column)
      .execute(),
  );
  return new Map(rows.map((row) => [row.id ?? '', row.revision]));
}

/**
 * The revision of the last thing that the request's submission did: a grant that needed nobody starts in the same transaction, hence at
 * the same instant. 0 when the ledger does not have it. @throws AccessError
 */
export async function submittedRevision(database: Database, id: string): Promise<bigint> {
  const row = await guarded(() =>
    database
      .selectFrom('ledger as submitted')
      .innerJoin('ledger as done', (join) =>
        join.onRef('done.request_id', '=', 'submitted.request_id').onRef('done.at', '=', 'submitted.at'),
      )
      .select('done.revision')
      .where('submitted.request_id', '=', id)
      .where('submitted.kind', '=', 'REQUEST_SUBMITTED')
      .orderBy('done.revision', 'desc')
      .limit(1)
      .executeTakeFirst(),
  );
  return row?.revision ?? 0n;
}

function recorded(row: GrantRow): RecordedGrant {
  return {
    grant: toGrant(row),
    recorded: toStanding(row),
    createdAt: row.created_at,
    maxMs: Number(row.max_ms),
    position: row.position,
  };
}
