import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { titlesWithIds } from './test-titles.ts';

const titles = titlesWithIds();

/** The files that each row of SECURITY.md names, by the row's id. */
async function rows(): Promise<readonly { readonly id: string; readonly files: readonly string[] }[]> {
  const page = await readFile('SECURITY.md', 'utf8');
  return [...page.matchAll(/^\| ([A-Z]\d+) \|(.*)\|$/gm)].map(([, id = '', row = '']) => ({
    id,
    files: [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file),
  }));
}

test('every row of SECURITY.md names at least one file of tests, each with a title that begins with its id', async () => {
  for (const { id, files } of await rows()) {
    const proving = titles.filter((title) => title.id === id).map(({ file }) => file);
    expect([id, files.length > 0, files.filter((file) => !proving.includes(file))]).toEqual([id, true, []]);
  }
});

test('every id that a title begins with has one row', async () => {
  const ids = (await rows()).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual([...new Set(titles.map(({ id }) => id))].toSorted());
});
