import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../../deploy/local/postgres.ts';

const run = promisify(execFile);

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
  /** Keeps its data as it is now, as a standby would have it that hears nothing from now on. */
  leaveStandbyBehind(): Promise<void>;
  /** The server is lost, and that standby is in its place, at the same address; `pg_promote()` makes it the writer. */
  failOver(): Promise<void>;
}

/** @param durable true = it can be restarted */
export async function startOwnPostgres({ durable = false } = {}): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-own-postgres-'));
  let server = await startPostgres({ directory, durable });
  const { url, port } = server;
  const [data, behind] = [join(directory, 'data'), join(directory, 'behind')];
  const restartAsStandby = async (): Promise<void> => {
    await server.stop();
    await writeFile(join(data, 'standby.signal'), '');
    server = await startPostgres({ directory, port });
  };
  return {
    url,
    directory,
    freeze: () => freeze(url, directory),
    restartAsStandby,
    leaveStandbyBehind: async () => {
      await server.stop();
      await run('cp', ['-a', data, behind]); // with their owner, who need not be ours
      server = await startPostgres({ directory, port, durable });
    },
    failOver: async () => {
      await server.stop();
      await rm(data, { recursive: true });
      await rename(behind, data);
      await restartAsStandby();
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
