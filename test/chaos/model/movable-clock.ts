import pg from 'pg';
import type { TestDatabase } from '../../support/postgres.ts';

/** Has the services of a database see its clock as `shifted.shift` moves it. */
export async function makeClockMovable(database: TestDatabase): Promise<void> {
  await onDatabase(
    database.ownerUrl,
    `CREATE SCHEMA shifted;
     CREATE TABLE shifted.shift (by interval NOT NULL);
     INSERT INTO shifted.shift VALUES ('0');
     CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
       AS 'SELECT pg_catalog.clock_timestamp() + by FROM shifted.shift';
     CREATE FUNCTION shifted.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
       AS 'SELECT pg_catalog.statement_timestamp() + by FROM shifted.shift';
     CREATE FUNCTION shifted.transaction_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
       AS 'SELECT pg_catalog.transaction_timestamp() + by FROM shifted.shift';
     GRANT USAGE ON SCHEMA shifted TO curfew_grant, curfew_decision;
     GRANT SELECT ON shifted.shift TO curfew_grant, curfew_decision;
     ALTER ROLE curfew_grant IN DATABASE ${database.name} SET search_path = shifted, pg_catalog, public;
     ALTER ROLE curfew_decision IN DATABASE ${database.name} SET search_path = shifted, pg_catalog, public`,
  );
}

async function onDatabase(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
