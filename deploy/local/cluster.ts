import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { waitForPredecessor } from './predecessor.ts';

/** The role that owns the cluster. */
export const OWNER = 'curfew';

export interface ClusterOptions {
  readonly directory: string;
  readonly account: Account;
  readonly binaries: Binaries;
  readonly durable: boolean;
}

/** Postgres's own files, and the owner's password. */
export interface Cluster {
  readonly dataPath: string;
  readonly password: string;
}

/**
 * Opens the cluster in the directory, and makes it when there is none.
 * @throws Error when another Postgres uses it and does not end, or the files cannot be used
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  await giveTo(options.account, options.directory);
  const dataPath = join(options.directory, 'data');
  const passwordPath = join(options.directory, 'password');
  if (await exists(dataPath)) {
    await waitForPredecessor(dataPath);
    return { dataPath, password: await readPassword(options.directory, passwordPath) };
  }
  const password = randomBytes(24).toString('base64url');
  await rm(passwordPath, { force: true });
  await writeFile(passwordPath, password, { mode: 0o600 });
  await giveTo(options.account, passwordPath);
  await initialize(options, dataPath);
  return { dataPath, password };
}

/**
 * How a process of the account, started in the data, names it. `nobody` may not walk through `.curfew` or a home,
 * but a working directory is there already.
 */
export function dataArgument(account: Account, dataPath: string): string {
  return account.uid === undefined ? dataPath : '/proc/self/cwd';
}

async function initialize(options: ClusterOptions, dataPath: string): Promise<void> {
  // Made aside and renamed, so that a cluster is there whole or not at all.
  const fresh = `${dataPath}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await giveTo(options.account, fresh);
  const data = dataArgument(options.account, fresh);
  const initdb = [
    `--pgdata=${data}`,
    `--username=${OWNER}`,
    // Not joined, which would take "cwd/.." away.
    `--pwfile=${data}/../password`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(options.durable ? [] : ['--no-sync']),
  ];
  await promisify(execFile)(options.binaries.initdb, initdb, {
    ...options.account,
    cwd: fresh,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '' },
  });
  await rename(fresh, dataPath);
}

async function giveTo({ uid, gid }: Account, path: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

async function readPassword(directory: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(
      `cannot read ${path}, the owner's password: bring it back, or delete ${directory} to start over`,
      {
        cause,
      },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(unlessAbsent)) !== undefined;
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
