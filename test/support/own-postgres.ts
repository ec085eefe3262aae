import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../deploy/local/postgres.ts';

/** A Postgres of a test file's own: for what would disturb everybody on the run's server. */
export interface OwnPostgres extends AsyncDisposable {
  /** The owner's way in. */
  readonly url: string;
  /** Where its files are. */
  readonly directory: string;
  /** Stops the server and every session of now where they are, as a frozen machine would. @returns what lets them go on */
  freeze(): Promise<() => void>;
  /** At the same address; `pg_promote()` makes it the writer again. */
  restartAsStandby(): Promise<void>;
}

/** @param durable true = it can be restarted */
export async function startOwnPostgres({ durable = false } = {}): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-own-postgres-'));
  let server = await startPostgres({ directory, durable });
  const { url, port } = server;
  return {
    url,
    directory,
    freeze: () => freeze(url, directory),
    restartAsStandby: async () => {
      await server.stop();
      await writeFile(join(directory, 'data/standby.signal'), '');
      server = await startPostgres({ directory, port });
    },
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
