import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readDirectory } from '../../../core/policy/directory-file.ts';

async function folderWith(text: string | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-directory-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  if (text !== undefined) await writeFile(join(folder, 'directory.json'), text);
  return folder;
}

test('a folder without directory.json has no entities', async () => {
  expect(await readDirectory(await folderWith(undefined))).toEqual({ ok: true, entities: [] });
});

test('entities are read', async () => {
  const folder = await folderWith('[{ "uid": { "type": "User", "id": "ada" } }]');
  expect(await readDirectory(folder)).toMatchObject({
    ok: true,
    entities: [{ uid: { type: 'User', id: 'ada' } }],
  });
});

test('D4 a number outside int64 is refused with its line and column', async () => {
  const folder = await folderWith(
    '[\n  { "uid": { "type": "User", "id": "ada" },\n    "attrs": { "n": 9223372036854775808 } }\n]',
  );
  expect(await readDirectory(folder)).toMatchObject({
    ok: false,
    problems: [
      { file: 'directory.json', line: 3, column: 21, excerpt: '    "attrs": { "n": 9223372036854775808 } }' },
    ],
  });
});

test('what has no place is shown at the beginning of the file', async () => {
  const folder = await folderWith('{}');
  expect(await readDirectory(folder)).toMatchObject({ ok: false, problems: [{ line: 1, column: 1 }] });
});
