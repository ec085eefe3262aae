import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openHome } from '../../../services/standalone/home.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'curfew-home-test-'));
});
afterEach(() => rm(parent, { recursive: true }));

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

it('a home and secrets that others could read are closed to them', async () => {
  const directory = join(parent, 'home');
  await mkdir(directory);
  for (const name of ['tokens.json', 'key.json']) await writeFile(join(directory, name), 'old');
  for (const name of ['tokens.json', 'key.json']) await chmod(join(directory, name), 0o644);
  await chmod(directory, 0o755);
  const home = await openHome(directory);
  await home.writeSecret('tokens.json', 'new');
  expect(await home.readOrMake('key.json', () => 'made')).toBe('old');
  expect(await modeOf(directory)).toBe('700');
  expect(await modeOf(home.path('tokens.json'))).toBe('600');
  expect(await modeOf(home.path('key.json'))).toBe('600');
  expect(await readFile(home.path('tokens.json'), 'utf8')).toBe('new');
});

it('a secret is replaced by a whole file, never written into, and nothing is left beside it', async () => {
  const home = await openHome(join(parent, 'home'));
  await home.writeSecret('key.json', 'first');
  const before = await stat(home.path('key.json'));
  await home.writeSecret('key.json', 'second');
  expect((await stat(home.path('key.json'))).ino).not.toBe(before.ino);
  await mkdir(home.path('taken'));
  await expect(home.writeSecret('taken', 'x')).rejects.toThrow(/taken/);
  expect((await readdir(home.directory)).toSorted()).toEqual(['key.json', 'taken']);
});

it('a home that is a file is refused by the name of its variable', async () => {
  const path = join(parent, 'file');
  await writeFile(path, '');
  await expect(openHome(path)).rejects.toThrow(/^CURFEW_HOME: .*wanted a folder/);
});
