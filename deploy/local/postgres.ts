import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { chooseAccount } from './account.ts';
import { prepareBinaries } from './binaries.ts';
import { type Cluster, OWNER, openCluster } from './cluster.ts';
import { findPort, portTaken } from './port.ts';
import { launchServer } from './server.ts';

export interface PostgresOptions {
  /** Where the data is kept; made at first use, for nobody else to read. */
  readonly directory: string;
  /** On 127.0.0.1; absent or 0 = any free one. */
  readonly port?: number;
  /** false = what was written may be lost when it ends, for a throw-away server. True when absent. */
  readonly durable?: boolean;
  /** Takes each line that Postgres logs. */
  readonly log?: (line: string) => void;
}

export interface RunningPostgres {
  /** Signs in as the owner, who may do everything. */
  readonly url: string;
  readonly port: number;
  /** Ends it; its connections break. */
  readonly stop: () => Promise<void>;
}

const MOST_TRIES = 5;

/**
 * Starts the packaged Postgres on the loopback interface. It ends with this process, however this process ends.
 * @throws Error saying what to do: a taken port, data in use, no binaries for this machine
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const directory = resolve(options.directory);
  const durable = options.durable ?? true;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const account = await chooseAccount(directory);
  const binaries = await prepareBinaries(account);
  const cluster = await openCluster({ directory, account, binaries, durable });
  const { port: wanted = 0, log = () => undefined } = options;
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const port = await findPort(wanted);
    const launch = await launchServer({ binaries, account, cluster, port, durable, log });
    if (launch.state === 'ready') return { url: urlOf(cluster, port), port, stop: launch.stop };
    // Somebody took it between our look and Postgres's; another free port can be found.
    if (wanted !== 0) break;
  }
  throw portTaken(wanted);
}

function urlOf(cluster: Cluster, port: number): string {
  return `postgres://${OWNER}:${cluster.password}@127.0.0.1:${port}/postgres`;
}
