import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '../../deploy/local/postgres.ts';

/** A durable Postgres that can be killed, frozen and started again on the same data and port. */
export interface PostgresProcess {
  /** As its owner, on the port of always. */
  readonly url: string;
  readonly port: number;
  /** kill -9 of the server, which takes its backends along. */
  readonly kill: () => Promise<void>;
  /** Ends as an operator ends it. */
  readonly stop: () => Promise<void>;
  /** Starts it again; resolves when it takes connections. */
  readonly start: () => Promise<void>;
  /** Every process of it stands still until `proceed`. Resolves when all do. */
  readonly freeze: () => Promise<void>;
  readonly proceed: () => Promise<void>;
  /** Ends the connections whose application name is LIKE that. */
  readonly terminate: (applicationName: string) => Promise<void>;
}

export async function startPostgresProcess(directory: string): Promise<PostgresProcess> {
  let server: RunningPostgres = await startPostgres({ directory });
  const { url, port } = server;
  let frozen: readonly number[] = [];
  return {
    url,
    port,
    kill: async () => {
      process.kill(await postmasterOf(directory), 'SIGKILL');
      await server.stop();
    },
    stop: () => server.stop(),
    start: async () => {
      server = await startPostgres({ directory, port });
    },
    freeze: async () => {
      frozen = await freezeFamily(await postmasterOf(directory));
    },
    proceed: async () => {
      // The parent last: it would bury children that were about to end, and there is no going on for those.
      for (const pid of frozen.toReversed()) process.kill(pid, 'SIGCONT');
      frozen = [];
    },
    terminate: async (applicationName) => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
      await client.connect();
      try {
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name LIKE $1`,
          [applicationName],
        );
      } finally {
        await client.end();
      }
    },
  };
}

async function postmasterOf(directory: string): Promise<number> {
  const text = await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** The parent first, so that no child is born while the others are stopped. */
async function freezeFamily(postmaster: number): Promise<readonly number[]> {
  const stopped = [postmaster];
  process.kill(postmaster, 'SIGSTOP');
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || (await parentOf(name)) !== postmaster) continue;
    if (stop(Number(name))) stopped.push(Number(name));
  }
  return stopped;
}

function stop(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGSTOP');
  } catch {
    return false; // it ended on its own meanwhile
  }
}

async function parentOf(pid: string): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in brackets may hold anything; the parent is the second field behind it.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[1] === undefined ? undefined : Number(fields[1]);
}
