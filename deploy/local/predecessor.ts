import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 15_000;
const LOOK_AGAIN_MS = 20;

/**
 * Waits until no Postgres works in the data: one whose starter was killed is still writing its last checkpoint.
 * @throws Error when it goes on
 */
export async function waitForPredecessor(dataPath: string, patienceMs = PATIENCE_MS): Promise<void> {
  const pidFile = join(dataPath, 'postmaster.pid');
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const pid = await readPid(pidFile);
    if (pid === undefined || !isAlive(pid)) return;
    if (!(await worksIn(pid, dataPath))) {
      // After a reboot somebody else may have got that process id, and Postgres would take them for a server.
      await rm(pidFile, { force: true });
      return;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `Postgres works in ${dataPath} already, as process ${pid}: stop what started it, then try again`,
      );
    }
    await delay(LOOK_AGAIN_MS);
  }
}

async function readPid(pidFile: string): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(unless('ENOENT'));
  const pid = Number.parseInt(text ?? '', 10);
  return pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** A server's working directory is its data. */
async function worksIn(pid: number, dataPath: string): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  // Another user's process does not show where it works, and could not work in our data.
  const cwd = await stat(`/proc/${pid}/cwd`).catch(unless('ENOENT', 'EACCES'));
  const data = await stat(dataPath);
  return data.ino === cwd?.ino && data.dev === cwd.dev;
}

function unless(...codes: readonly string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}
