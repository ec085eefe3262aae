import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { type Cluster, dataArgument } from './cluster.ts';
import { keep } from './keeper.ts';

export interface ServerOptions {
  readonly binaries: Binaries;
  readonly account: Account;
  readonly cluster: Cluster;
  readonly port: number;
  readonly durable: boolean;
  readonly log: (line: string) => void;
}

export type Launch =
  | { readonly state: 'ready'; readonly stop: () => Promise<void> }
  | { readonly state: 'port taken' };

/**
 * Starts the server on a cluster and waits until it takes connections.
 * @throws Error with what Postgres said when it does not start
 */
export async function launchServer(options: ServerOptions): Promise<Launch> {
  const { account, cluster, durable, log } = options;
  const lines: string[] = [];
  const ready = Promise.withResolvers<'ready'>();
  const server = keep({
    command: [options.binaries.postgres, '-D', dataArgument(account, cluster.dataPath), ...settings(options)],
    account,
    cwd: cluster.dataPath,
    signal: durable ? 'INT' : 'QUIT',
    onLine: (line) => {
      log(line);
      if (lines.length < LINES_KEPT) lines.push(line);
      if (READY.test(line)) ready.resolve('ready');
    },
  });
  const ended = server.ended.then(() => 'ended' as const);
  if ((await Promise.race([ready.promise, ended])) === 'ready') return { state: 'ready', stop: server.stop };
  if (lines.some((line) => line.includes('Address already in use'))) return { state: 'port taken' };
  const said = lines.filter((line) => /FATAL|PANIC|HINT/.test(line));
  throw new Error(
    `Postgres did not start in ${cluster.dataPath}: ${(said.length > 0 ? said : lines).join(' ')}`,
  );
}

/** A standby takes connections that only read. */
const READY = /database system is ready to accept (read-only )?connections/;

/** Only the beginning can tell why it did not start. */
const LINES_KEPT = 50;

function settings({ port, durable }: ServerOptions): readonly string[] {
  const values = {
    port,
    listen_addresses: '127.0.0.1',
    // TCP with a password is the only door.
    unix_socket_directories: '',
    max_connections: 200,
    // A replica or backup that is gone must not fill the disk with what was kept for it.
    max_slot_wal_keep_size: '1GB',
    jit: 'off',
    log_destination: 'stderr',
    logging_collector: 'off',
    // What the launcher looks for in the log must not be translated.
    lc_messages: 'C',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(durable ? {} : THROW_AWAY),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

const THROW_AWAY = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: 0,
  archive_mode: 'off',
};
