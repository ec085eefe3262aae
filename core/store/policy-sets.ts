import { sql } from 'kysely';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { fromLedgerRow } from './ledger-row.ts';
import type { Trx } from './transition.ts';

/** Text by path. */
export type StoredFiles = ReadonlyMap<string, string>;

/** A set that was put in force. */
export interface Activation {
  readonly digest: string;
  readonly revision: bigint;
  readonly at: Date;
  readonly actor: string;
}

/** The files of a set; undefined when there is no such set. @throws AccessError */
export async function readPolicySet(database: Database, digest: string): Promise<StoredFiles | undefined> {
  const row = await guarded(() =>
    database.selectFrom('policy_sets').select('files').where('digest', '=', digest).executeTakeFirst(),
  );
  if (row === undefined) return undefined;
  const files = JSON.parse(row.files) as Record<string, string>; // writePolicySet wrote it
  return new Map(Object.entries(files));
}

/** Keeps the files of a set; once is enough. */
export async function writePolicySet(trx: Trx, digest: string, files: StoredFiles): Promise<void> {
  await trx
    .insertInto('policy_sets')
    .values({ digest, files: JSON.stringify(Object.fromEntries(files)) })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute();
}

/** Activations before a revision, newest first. @throws AccessError */
export async function listActivations(
  database: Database,
  page: { readonly before: bigint | undefined; readonly size: number },
): Promise<readonly Activation[]> {
  const rows = await guarded(() =>
    database
      .selectFrom('ledger')
      .select(['revision', 'at', 'actor', 'body'])
      .where('kind', '=', 'POLICY_ACTIVATED')
      .$if(page.before !== undefined, (query) => query.where('revision', '<', sql<bigint>`${page.before}`))
      .orderBy('revision', 'desc')
      .limit(page.size)
      .execute(),
  );
  return rows.flatMap((row) => {
    const event = fromLedgerRow(row.body, undefined);
    return event.kind === 'POLICY_ACTIVATED'
      ? [{ digest: event.digest, revision: row.revision, at: row.at, actor: row.actor }]
      : [];
  });
}
