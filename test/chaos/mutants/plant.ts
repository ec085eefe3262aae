import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What a run needs. */
const PARTS = ['clients', 'core', 'deploy', 'proto', 'services', 'test', 'package.json', 'vitest.config.ts'];

/**
 * Copies the source and plants the fault in the copy.
 * @returns the copy's folder
 * @throws Error when the place of an edit is not there exactly once: the source has moved on
 */
export async function plant({ name, edits }: Mutant): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), `curfew-mutant-${name}-`));
  for (const part of PARTS) {
    await mkdir(dirname(join(copy, part)), { recursive: true });
    await cp(join(ROOT, part), join(copy, part), {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules'),
    });
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, find, replace } of edits) {
    const path = join(copy, file);
    const parts = (await readFile(path, 'utf8')).split(find);
    if (parts.length !== 2)
      throw new Error(
        `${name}: ${file} has ${parts.length - 1} places like ${JSON.stringify(find)}, wanted one`,
      );
    await writeFile(path, parts.join(replace));
  }
  return copy;
}
