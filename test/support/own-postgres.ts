import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '../../deploy/local/postgres.ts';

/** A Postgres of a test file's own: for what would disturb everybody on the run's server. */
export interface OwnPostgres extends AsyncDisposable {
  /** The owner's way in. */
  readonly url: string;
  /** Where its files are. */
  readonly directory: string;
  /** Stops the server and every session of now where they are, as a frozen machine would. @returns what lets them go on */
  freeze(): Promise<() => void>;
  stop(): Promise<void>;
}

/** @param durable true = it can be stopped and its files used again */
export async function startOwnPostgres({ durable = false } = {}): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-own-postgres-'));
  return runIn(directory, await startPostgres({ directory, durable }));
}

/** One on files that are there already; they are removed when it ends. */
export async function startPostgresIn(directory: string): Promise<OwnPostgres> {
  return runIn(directory, await startPostgres({ directory }));
}

function runIn(directory: string, server: RunningPostgres): OwnPostgres {
  return {
    url: server.url,
    directory,
    freeze: () => freeze(server.url, directory),
    stop: server.stop,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function freeze(url: string, directory: string): Promise<() => void> {
  const postmaster = Number.parseInt(await readFile(join(directory, 'data/postmaster.pid'), 'utf8'), 10);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const stopped: number[] = [];
  const stop = (pid: number): void => {
    process.kill(pid, 'SIGSTOP');
    stopped.push(pid);
  };
  // First the one that starts sessions, so that none is new after we looked.
  stop(postmaster);
  const { rows } = await client.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
  );
  await client.end();
  for (const { pid } of rows) stop(pid);
  return () => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
  };
}
