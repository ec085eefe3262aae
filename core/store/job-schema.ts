import { sql } from 'kysely';
import {
  type DatabaseOptions,
  getConstructionPlans,
  getMigrationPlans,
  PgBoss,
  type QueueOptions,
} from 'pg-boss';
import manifest from 'pg-boss/package.json' with { type: 'json' };
import { clientConfigOf } from './client-config.ts';
import type { Database } from './connect.ts';
import { runScript } from './migrate.ts';

const JOB_SCHEMA = 'pgboss';

/** The jobs of the grant service: a queue each. */
export const JOBS = ['lapses'] as const;
export type JobName = (typeof JOBS)[number];

/** How occurrences of a schedule get into their queues. */
const CRON_QUEUE = '__pgboss__send-it';

const DAY_S = 86_400;
const QUEUE = {
  // Whoever works says so in between; who is silent for longer is dead, and the job is another's.
  heartbeatSeconds: 20,
  retryLimit: 1,
  retentionSeconds: 600,
  deleteAfterSeconds: 3_600,
} satisfies QueueOptions;

const LOCK_WAIT_MS = 55_000;

/**
 * Makes or upgrades what pg-boss keeps its queues in, as the owner, and gives the grant role what it needs of it. Safe to run again,
 * and by several at once; what a newer Curfew made is left as it is.
 */
export async function ensureJobSchema(owner: Database, ownerUrl: string): Promise<void> {
  await owner.connection().execute(async (connection) => {
    await sql`SELECT set_config('lock_timeout', ${String(LOCK_WAIT_MS)}, false)`.execute(connection);
    await sql`SELECT pg_advisory_lock(hashtextextended(${JOB_SCHEMA}, 0))`.execute(connection);
    try {
      const isNewer = await upgrade(connection);
      if (isNewer) return;
      await makeQueues(ownerUrl);
      await giveRights(connection);
    } catch (error) {
      // What failed may have begun a transaction of its own.
      await sql`ROLLBACK`.execute(connection);
      throw error;
    } finally {
      await sql`SELECT pg_advisory_unlock(hashtextextended(${JOB_SCHEMA}, 0))`.execute(connection);
      await sql`RESET lock_timeout`.execute(connection);
    }
  });
}

/**
 * As the grant role. Only jobs need it, so no service refuses to run without.
 * @throws Error saying that migrate has something to do
 */
export async function requireJobSchema(database: Database): Promise<void> {
  const version = await readVersion(database);
  if (version === undefined || version < manifest.pgboss.schema)
    throw new Error(
      `the jobs have ${version === undefined ? 'no schema' : `a schema of version ${version}`}, at least ${manifest.pgboss.schema} is wanted: run migrate first`,
    );
}

/** @returns whether what is there is newer than what this code knows */
async function upgrade(connection: Database): Promise<boolean> {
  const wanted = manifest.pgboss.schema;
  const version = await readVersion(connection);
  if (version === undefined) await runScript(connection, getConstructionPlans(JOB_SCHEMA));
  else if (version < wanted)
    // A text of several statements is one transaction, in which nothing is concurrent; and there are few jobs to wait for.
    await runScript(connection, getMigrationPlans(JOB_SCHEMA, version).replaceAll(' CONCURRENTLY ', ' '));
  return version !== undefined && version > wanted;
}

async function readVersion(connection: Database): Promise<number | undefined> {
  const table = `${JOB_SCHEMA}.version`;
  const { rows } = await sql`SELECT WHERE to_regclass(${table}) IS NOT NULL`.execute(connection);
  if (rows.length === 0) return undefined;
  const versions = await sql<{ version: number }>`SELECT version FROM ${sql.table(table)}`.execute(
    connection,
  );
  return versions.rows[0]?.version;
}

async function makeQueues(ownerUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...bossTerms(ownerUrl, 'curfew-migrate'),
    supervise: false,
    schedule: false,
    max: 1,
  });
  // Told by what fails here, too.
  boss.on('error', () => undefined);
  try {
    await boss.start();
    await boss.createQueue(CRON_QUEUE, { deleteAfterSeconds: DAY_S });
    for (const name of JOBS) {
      // One of a queue's jobs waits or runs, never more.
      await boss.createQueue(name, { policy: 'exclusive', ...QUEUE });
      await boss.updateQueue(name, QUEUE);
    }
  } finally {
    await boss.stop({ graceful: false });
  }
}

/** What every use of pg-boss has in common: nothing of its own is written but jobs, and the schema is not its business. */
export function bossTerms(url: string, name: string) {
  return {
    ...(clientConfigOf(url) as DatabaseOptions), // the same of pg, where a member may be undefined as well
    application_name: name,
    connectionTimeoutMillis: 2_000,
    options:
      '-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=10000 -c jit=off',
    schema: JOB_SCHEMA,
    migrate: false,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    openTelemetry: { enabled: false },
  };
}

/** Rows of queues and jobs, and nothing that is made or changed of the schema itself. */
async function giveRights(connection: Database): Promise<void> {
  await sql`
    REVOKE ALL ON SCHEMA pgboss FROM PUBLIC;
    GRANT USAGE ON SCHEMA pgboss TO curfew_grant;
    GRANT SELECT ON pgboss.version, pgboss.queue, pgboss.schedule, pgboss.job, pgboss.job_common TO curfew_grant;
    GRANT INSERT, UPDATE, DELETE ON pgboss.job, pgboss.job_common TO curfew_grant;
    GRANT INSERT, UPDATE ON pgboss.queue, pgboss.schedule TO curfew_grant;
    GRANT UPDATE ON pgboss.version TO curfew_grant;
    -- What its upkeep locks and looks through, though it is empty here.
    GRANT SELECT, DELETE ON pgboss.job_dependency TO curfew_grant;
    GRANT SELECT, UPDATE, DELETE ON pgboss.instance TO curfew_grant`.execute(connection);
}
