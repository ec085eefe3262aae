import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  digestOf,
  PolicyFolderError,
  readCaseFiles,
  readDirectoryFile,
  readPolicyFolder,
} from '../../../core/policy/files.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-policies-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(path: string, content: string | Uint8Array = ''): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

describe('reading a policy folder', () => {
  test('finds schema and policies in subfolders, and nothing else', async () => {
    await write('schema.cedarschema', 'entity A;');
    await write('access/b/c.cedar', '// c');
    await write('access/a.cedar', '// a');
    await write('directory.json', '[]');
    await write('cases/a.yaml', 'cases: []');
    await write('README.md', '#');
    await write('.git/access/x.cedar', '// not this');
    expect([...(await readPolicyFolder(folder))]).toEqual([
      ['access/a.cedar', '// a'],
      ['access/b/c.cedar', '// c'],
      ['schema.cedarschema', 'entity A;'],
    ]);
    expect(await readDirectoryFile(folder)).toBe('[]');
    expect([...(await readCaseFiles(folder)).keys()]).toEqual(['cases/a.yaml']);
  });

  test('keeps policies outside their folders, so that loading can refuse them', async () => {
    await write('schema.cedarschema');
    await write('guardrail/a.cedar');
    await write('access/b.CEDAR');
    expect([...(await readPolicyFolder(folder)).keys()]).toEqual([
      'access/b.CEDAR',
      'guardrail/a.cedar',
      'schema.cedarschema',
    ]);
  });

  test('follows links, as mounted configuration needs', async () => {
    await write('..data/schema.cedarschema', 'entity A;');
    await symlink(join(folder, '..data/schema.cedarschema'), join(folder, 'schema.cedarschema'));
    expect((await readPolicyFolder(folder)).get('schema.cedarschema')).toBe('entity A;');
  });

  test('says so when there is no folder, a file in its place, or no schema', async () => {
    await expect(readPolicyFolder(join(folder, 'nowhere'))).rejects.toThrow(
      /nowhere: not there, wanted a policy folder$/,
    );
    await write('file');
    await expect(readPolicyFolder(join(folder, 'file'))).rejects.toThrow(
      /file: a file, wanted a policy folder$/,
    );
    await expect(readPolicyFolder(folder)).rejects.toThrow(
      /schema\.cedarschema: not there, wanted the schema of the policies$/,
    );
    expect(await readDirectoryFile(folder)).toBeUndefined();
  });

  test('refuses loops and dangling links', async () => {
    await write('schema.cedarschema');
    await write('access/a.cedar');
    await symlink(folder, join(folder, 'access/loop'));
    await expect(readPolicyFolder(folder)).rejects.toThrow(
      /access\/loop: a link to a folder that contains it/,
    );
    await rm(join(folder, 'access/loop'));
    await symlink(join(folder, 'gone'), join(folder, 'access/dangling.cedar'));
    await expect(readPolicyFolder(folder)).rejects.toThrow(/access\/dangling\.cedar: not there$/);
  });

  test('refuses what is not UTF-8, and drops a byte order mark', async () => {
    await write('schema.cedarschema', '\uFEFFentity A;');
    expect((await readPolicyFolder(folder)).get('schema.cedarschema')).toBe('entity A;');
    await write('access/a.cedar', Uint8Array.of(0x2f, 0x2f, 0xff));
    await expect(readPolicyFolder(folder)).rejects.toThrow(
      /access\/a\.cedar: not UTF-8, wanted text in UTF-8$/,
    );
  });

  test('refuses a file of more than 1 MiB and more than 4 MiB together', async () => {
    await write('schema.cedarschema');
    await write('access/a.cedar', ' '.repeat(1_048_577));
    await expect(readPolicyFolder(folder)).rejects.toThrow(/1048577 bytes, wanted at most 1048576$/);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await write(`access/${name}.cedar`, ' '.repeat(1_000_000));
    await expect(readPolicyFolder(folder)).rejects.toThrow(PolicyFolderError);
    await expect(readPolicyFolder(folder)).rejects.toThrow(/more than 4194304 bytes in all files together$/);
  });
});

describe('the digest of a policy set', () => {
  test('is equal for equal sets only', () => {
    const files = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), {
      selector: ([path]) => path,
      maxLength: 4,
    });
    fc.assert(
      fc.property(files, files, (a, b) => {
        const canonical = (entries: typeof a): string =>
          JSON.stringify(entries.toSorted(([x], [y]) => (x < y ? -1 : 1)));
        expect(digestOf(new Map(a)) === digestOf(new Map(b))).toBe(canonical(a) === canonical(b));
        expect(digestOf(new Map(a.toReversed()))).toBe(digestOf(new Map(a)));
      }),
    );
  });

  test('text does not move from one file into the next', () => {
    expect(digestOf(new Map([['a', 'bc']]))).not.toBe(digestOf(new Map([['ab', 'c']])));
    expect(
      digestOf(
        new Map([
          ['a', ''],
          ['b', ''],
        ]),
      ),
    ).not.toBe(digestOf(new Map([['a', 'b']])));
    expect(digestOf(new Map())).toMatch(/^[0-9a-f]{64}$/);
  });
});
