import { AccessError } from '../access/access-error.ts';
import { changesBasis } from '../access/event.ts';
import type { LedgerRow } from './ledger-row.ts';
import { Call, type Statement } from './statement.ts';

/** What a transition is decided on. */
export interface Basis {
  /** The revision of the directory and policies. */
  readonly revision: bigint;
  /** Names the history that the revision is of: after a restore the same number is another directory. */
  readonly epoch: string;
}

/** The directory or the policies changed after the revision that a transition was decided on. Decide again on a newer basis. */
export class BasisChanged extends Error {
  override readonly name = 'BasisChanged';
}

/**
 * One statement takes the head row, moves it on and writes the rows chained to it, so that revisions are dense and in the order of
 * commit, and the head is locked for one round trip only. It divides by the number of rows, so that an older basis fails the
 * transaction even when its commit has been sent already. Its idle timeout is less than others wait for a lock: who stands still between
 * append and commit holds up everybody, but makes nobody fail.
 */
const APPEND: Statement = {
  name: 'append',
  isRead: false,
  text: `
    WITH RECURSIVE head AS (
      SELECT revision, hash FROM ledger_head
      WHERE basis_revision <= $1::bigint AND epoch = COALESCE($2::uuid, epoch) FOR UPDATE
    ),
    event AS (
      SELECT at, kind, actor, request_id, grant_id, body, salt, text, i FROM unnest(
        $5::timestamptz[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::text[], $11::bytea[], $12::text[]
      ) WITH ORDINALITY AS event (at, kind, actor, request_id, grant_id, body, salt, text, i)
    ),
    link (i, previous_hash, hash) AS (
      SELECT 0, hash, hash FROM head
      UNION ALL
      SELECT i + 1, link.hash, sha256('\\x01'::bytea || link.hash || ($3::bytea[])[i + 1]) FROM link
      WHERE i < cardinality($3::bytea[])
    ),
    moved AS (
      UPDATE ledger_head SET
        revision = head.revision + link.i,
        basis_revision = CASE WHEN $4::int > 0 THEN head.revision + $4::int ELSE basis_revision END,
        hash = link.hash
      FROM head, link WHERE link.i = cardinality($3::bytea[])
    ),
    written AS (
      INSERT INTO ledger (revision, at, kind, actor, request_id, grant_id, body, previous_hash, hash)
      SELECT head.revision + link.i, event.at, event.kind, event.actor, event.request_id, event.grant_id, event.body,
        link.previous_hash, link.hash
      FROM head, link JOIN event ON event.i = link.i
      RETURNING revision
    ),
    texts AS (
      INSERT INTO ledger_text (revision, salt, text)
      SELECT head.revision + event.i, event.salt, event.text FROM head, event WHERE event.text IS NOT NULL
    )
    SELECT max(revision) AS last, 1 / count(*) AS is_written,
      set_config('idle_in_transaction_session_timeout', '1500ms', true)
    FROM written`,
};

/** An append on its way; it fails with BasisChanged. */
export type Append = Call<{ readonly last: bigint }>;

/** Appends the rows, unless directory or policies have changed since the basis, or the history is another. */
export function appendOf(basis: Basis | bigint, rows: readonly LedgerRow[]): Append {
  const { revision, epoch } = typeof basis === 'bigint' ? { revision: basis, epoch: null } : basis;
  const events = rows.map((row) => row.event);
  return new Call(
    APPEND,
    [
      revision,
      epoch,
      rows.map((row) => row.leaf),
      rows.findLastIndex((row) => changesBasis(row.event.kind)) + 1,
      events.map((event) => event.at),
      events.map((event) => event.kind),
      events.map((event) => event.actor),
      events.map((event) => ('requestId' in event ? event.requestId : null)),
      events.map((event) => ('grantId' in event ? event.grantId : null)),
      rows.map((row) => row.body),
      rows.map((row) => row.text?.salt ?? null),
      rows.map((row) => row.text?.text ?? null),
    ],
    () => new BasisChanged('directory or policies changed meanwhile'),
  );
}

/** The revision of the last row of a finished append. */
export function lastOf(append: Append): bigint {
  const [row] = append.rows;
  if (row === undefined) throw new AccessError('INTERNAL', 'the ledger did not say where it ends');
  return row.last;
}
