import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Account } from './account.ts';

/**
 * Runs the server until its standard input ends. That is a pipe from us, which the kernel closes however we end,
 * `kill -9` included.
 */
const KEEPER = `
exec 3<&0 </dev/null
signal=$1
shift
"$@" 3<&- &
server=$!
trap 'kill -s "$signal" "$server"' HUP INT TERM
( read -r _ <&3; kill -s "$signal" "$server" ) &
watcher=$!
while kill -0 "$server" 2>/dev/null; do wait "$server"; code=$?; done
kill "$watcher" 2>/dev/null
exit "$code"
`;

export interface KeepOptions {
  readonly command: readonly string[];
  readonly account: Account;
  /** The working directory. */
  readonly cwd: string;
  /** What ends the server: INT writes a checkpoint, QUIT ends at once. */
  readonly signal: 'INT' | 'QUIT';
  readonly onLine: (line: string) => void;
}

/** A process that cannot outlive us. */
export interface Kept {
  /** Resolves when it has ended, whatever the reason. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

const PATIENCE_MS = 15_000;

/** @throws Error when the shell cannot be started */
export function keep(options: KeepOptions): Kept {
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keep-postgres', options.signal, ...options.command], {
    ...options.account,
    cwd: options.cwd,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C is for us, who stop the database last.
    detached: true,
  });
  createInterface({ input: keeper.stderr }).on('line', options.onLine);
  const ended = new Promise<void>((resolve, reject) => {
    keeper.once('error', reject);
    keeper.once('close', () => resolve());
  });
  return { ended, stop: () => stop(keeper, ended) };
}

async function stop(keeper: ChildProcess, ended: Promise<void>): Promise<void> {
  keeper.stdin?.end();
  const impatience = setTimeout(() => quit(keeper), PATIENCE_MS);
  try {
    await ended;
  } finally {
    clearTimeout(impatience);
  }
}

/** The group holds the shell and the server; its other processes end with the server. */
function quit(keeper: ChildProcess): void {
  if (keeper.pid !== undefined && keeper.exitCode === null) process.kill(-keeper.pid, 'SIGQUIT');
}
