import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { MUTANTS } from './mutants.ts';

test.each(MUTANTS.map(({ name, edits }) => [name, edits] as const))(
  'the fault %s can still be planted: what it changes is in the source once',
  async (_name, edits) => {
    for (const { file, find } of edits) expect((await readFile(file, 'utf8')).split(find)).toHaveLength(2);
  },
);
