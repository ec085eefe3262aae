import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf, readPolicyFolder } from '../../../core/policy/files.ts';
import { type Home, openHome } from '../../../services/standalone/home.ts';
import { readFolderPolicies } from '../../../services/standalone/policies.ts';
import { OFFICE } from '../../support/stack.ts';

const MEMORY = 'examined-policies.json';

let parent: string;
let folder: string;
let home: Home;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'curfew-policies-test-'));
  folder = join(parent, 'policies');
  await cp(OFFICE, folder, { recursive: true });
  home = await openHome(join(parent, 'home'));
});
afterEach(() => rm(parent, { recursive: true }));

const people = { personTypes: ['User'], serviceTypes: ['Service'] };

it('a folder is examined and remembered by its digest', async () => {
  expect(await readFolderPolicies(folder, home)).toEqual(people);
  const digest = digestOf(await readPolicyFolder(folder));
  expect(JSON.parse(await readFile(home.path(MEMORY), 'utf8'))).toEqual({ digest, ...people });
});

it('a folder that was examined is not examined again', async () => {
  const digest = digestOf(await readPolicyFolder(folder));
  await home.writeSecret(MEMORY, JSON.stringify({ digest, personTypes: ['Remembered'], serviceTypes: [] }));
  expect(await readFolderPolicies(folder, home)).toMatchObject({ personTypes: ['Remembered'] });
});

it('a changed folder is examined, and refused by file and line', async () => {
  await readFolderPolicies(folder, home);
  await writeFile(join(folder, 'access', 'bad.cedar'), '@id("bad")\npermit (principal, action);\n');
  await expect(readFolderPolicies(folder, home)).rejects.toThrow(
    /not fit to be used:\naccess\/bad\.cedar:2:/,
  );
});

it.each(['', '{"digest": "', '{"digest": 1}'])('a memory that says %j is as good as none', async (text) => {
  await home.writeSecret(MEMORY, text);
  expect(await readFolderPolicies(folder, home)).toEqual(people);
});
