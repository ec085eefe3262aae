import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

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
