import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether this account may mount a file system, which takes root on Linux. */
export const MAY_MOUNT = process.platform === 'linux' && process.getuid?.() === 0;

/** A file system of its own, in memory, that can be full. */
export interface SmallDisk extends AsyncDisposable {
  readonly directory: string;
  /** Takes every byte that is left. @returns what gives them back */
  fill(): Promise<() => Promise<void>>;
}

export async function mountSmallDisk(sizeMb: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-small-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=0700`, 'tmpfs', directory]);
  return {
    directory,
    fill: () => fill(join(directory, 'ballast')),
    [Symbol.asyncDispose]: async () => {
      await run('umount', [directory]);
      await rm(directory, { recursive: true });
    },
  };
}

async function fill(path: string): Promise<() => Promise<void>> {
  await using file = await open(path, 'w');
  for (const sizeBytes of [1_048_576, 4_096]) {
    const block = Buffer.alloc(sizeBytes, 1);
    while (await hasRoom(() => file.write(block))) {
      // Until there is none.
    }
  }
  return () => rm(path);
}

async function hasRoom(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
