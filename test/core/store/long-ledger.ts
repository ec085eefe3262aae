import { CompiledQuery } from 'kysely';
import type { Database } from '../../../core/store/connect.ts';

/**
 * Fills an empty ledger with rows that are valid in every way, made by the database itself: a review with a text at every odd revision,
 * a withdrawal at every even one, but at 2 a deletion of no entity, which changes the basis.
 * @param owner without a statement timeout that a million rows would reach
 */
export async function makeLedger(owner: Database, rows: number): Promise<void> {
  await owner.executeQuery(CompiledQuery.raw(MAKE.replaceAll('$rows', String(Math.trunc(rows)))));
}

const MAKE = `
DO $make$
DECLARE
  hash_before bytea := decode(repeat('00', 32), 'hex');
  hash_now bytea;
  made record;
BEGIN
  FOR made IN
    SELECT n, instant, kind, request_id, text, salt,
      CASE kind
        WHEN 'REQUEST_REVIEWED' THEN format(
          '{"kind":"REQUEST_REVIEWED","at":"%s","actor":"User::\\"ada\\"","requestId":"%s","verdict":"APPROVE","items":[0],"requestHash":"%s","policyDigest":"%s","textDigest":"%s"}',
          written, request_id, repeat('ab', 32), repeat('cd', 32), encode(sha256(salt || convert_to(text, 'UTF8')), 'hex'))
        WHEN 'REQUEST_WITHDRAWN' THEN format(
          '{"kind":"REQUEST_WITHDRAWN","at":"%s","actor":"User::\\"ada\\"","requestId":"%s","items":[0],"because":"not needed any more"}',
          written, request_id)
        ELSE format('{"kind":"ENTITIES_DELETED","at":"%s","actor":"User::\\"ada\\"","uids":[]}', written)
      END AS body
    FROM (
      SELECT *, to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS written FROM (
        SELECT n, timestamptz '2026-01-02 03:04:05.678Z' + n * interval '1 second' AS instant,
          CASE WHEN n = 2 THEN 'ENTITIES_DELETED' WHEN n % 2 = 1 THEN 'REQUEST_REVIEWED' ELSE 'REQUEST_WITHDRAWN' END AS kind,
          CASE WHEN n <> 2 THEN md5(n::text)::uuid END AS request_id,
          CASE WHEN n % 2 = 1 THEN 'looks right to me, number ' || n END AS text,
          CASE WHEN n % 2 = 1 THEN substr(sha256(n::text::bytea), 1, 16) END AS salt
        FROM generate_series(1, $rows) AS n
      ) AS rows
    ) AS texts
  LOOP
    hash_now := sha256('\\x01'::bytea || hash_before || sha256('\\x00'::bytea || convert_to(made.body, 'UTF8')));
    INSERT INTO ledger (revision, at, kind, actor, request_id, body, previous_hash, hash)
      VALUES (made.n, made.instant, made.kind, 'User::"ada"', made.request_id, made.body, hash_before, hash_now);
    IF made.text IS NOT NULL THEN INSERT INTO ledger_text VALUES (made.n, made.salt, made.text); END IF;
    hash_before := hash_now;
  END LOOP;
  UPDATE ledger_head SET revision = $rows, hash = hash_before, basis_revision = LEAST(2, $rows);
END $make$`;
