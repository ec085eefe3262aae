import type { EventKind } from '../access/event.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, send, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

/** A row of the ledger as auditors read it. */
export interface LedgerRecord {
  readonly revision: bigint;
  readonly at: Date;
  readonly kind: string;
  readonly actor: string;
  readonly requestId: string | undefined;
  readonly grantId: string | undefined;
  readonly body: string;
  readonly text: string | undefined;
  readonly hash: Uint8Array;
}

export interface EventPage {
  /** The last revision of the page before. */
  readonly before: bigint | undefined;
  readonly size: number;
  readonly requestId: string | undefined;
  readonly grantId: string | undefined;
}

/** Rows by revision, newest first. @throws AccessError */
export async function listEvents(database: Database, page: EventPage): Promise<readonly LedgerRecord[]> {
  const { before, requestId, grantId } = page;
  const rows = await guarded(() =>
    database
      .selectFrom('ledger')
      .leftJoin('ledger_text', 'ledger_text.revision', 'ledger.revision')
      .selectAll('ledger')
      .select('ledger_text.text')
      .$if(before !== undefined, (query) => query.where('ledger.revision', '<', before ?? 0n))
      .$if(requestId !== undefined, (query) => query.where('ledger.request_id', '=', requestId ?? null))
      .$if(grantId !== undefined, (query) => query.where('ledger.grant_id', '=', grantId ?? null))
      .orderBy('ledger.revision', 'desc')
      .limit(page.size)
      .execute(),
  );
  return rows.map((row) => ({
    revision: row.revision,
    at: row.at,
    kind: row.kind,
    actor: row.actor,
    requestId: row.request_id ?? undefined,
    grantId: row.grant_id ?? undefined,
    body: row.body,
    text: row.text ?? undefined,
    hash: new Uint8Array(row.hash),
  }));
}

const LAST_EVENTS: Statement = {
  name: 'last_events',
  isRead: true,
  text: `
    SELECT request_id, max(at) AS at FROM ledger
    WHERE request_id = ANY($1::uuid[]) AND kind = $2 GROUP BY request_id`,
};

/** When something of this kind last happened to each of the requests, by their ids; those to which it never did are left out. @throws AccessError */
export async function lastEvents(
  reader: Database | Trx,
  { requestIds, kind }: { readonly requestIds: readonly string[]; readonly kind: EventKind },
): Promise<ReadonlyMap<string, Date>> {
  const last = new Call<{ readonly request_id: string; readonly at: Date }>(LAST_EVENTS, [requestIds, kind]);
  await guarded(() => send(reader, last));
  return new Map(last.rows.map((row) => [row.request_id, row.at]));
}
