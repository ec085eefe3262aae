import { createHash } from 'node:crypto';
import pg from 'pg';

/** Somebody's right to read what is in an environment, or one database. */
export interface BulkGrant {
  readonly subject: string;
  /** An entity key: `Environment::"env-0"`. */
  readonly resource: string;
}

const PAGE = 20_000;

/** The id that `insertGrants` gives it. */
export function grantIdOf({ subject, resource }: BulkGrant): string {
  const hex = createHash('md5').update(`${subject} ${resource}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * Writes live grants straight into the table, eight hours long, before a decision service reads it: a million through the API would take
 * half an hour. They lack their requests and their place in the ledger, which nobody looks for who only decides.
 */
export async function insertGrants(ownerUrl: string, grants: readonly BulkGrant[]): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica'); // no foreign keys: there are no requests
    for (let from = 0; from < grants.length; from += PAGE) {
      const page = grants.slice(from, from + PAGE);
      await client.query(INSERT, [
        page.map(grantIdOf),
        page.map((it) => it.subject),
        page.map((it) => it.resource),
      ]);
    }
    await client.query('ANALYZE grants');
  } finally {
    await client.end();
  }
}

/** Writes users straight into the table of entities: `stranger-0` and so on, in the company's group of everybody. */
export async function insertUsers(ownerUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(INSERT_USERS, [count]);
    await client.query('ANALYZE entities');
  } finally {
    await client.end();
  }
}

const INSERT_USERS = `
  INSERT INTO entities (uid, type, id, body)
  SELECT 'User::"' || id || '"', 'User', id,
         json_build_object('uid', json_build_object('type', 'User', 'id', id), 'attrs', json_build_object('level', 1),
                           'parents', json_build_array(json_build_object('type', 'Group', 'id', 'everybody')))::text
  FROM generate_series(0, $1::int - 1) AS place, concat('stranger-', place) AS id`;

const INSERT = `
  INSERT INTO grants (id, request_id, item, requester, subject, resource, actions, workflow, steps, seats, approvers, reason, ticket,
                      state, created_at, starts_at, expires_at, max_ms, duration_ms)
  SELECT id, gen_random_uuid(), 0, 'User::"' || subject || '"', 'User::"' || subject || '"', resource, '{"Action::\\"read\\""}', 'auto',
         '{owner}', '{1}', ARRAY['User::"approver-' || place % 500 || '"'], 'look into what ' || subject || ' reported', 'OPS-' || place,
         'ACTIVE', at, at, at + interval '8 hours' - place / 1000 * interval '1 second', 28800000, 28800000
  FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (id, subject, resource, place), date_trunc('milliseconds', clock_timestamp()) AS at`;
