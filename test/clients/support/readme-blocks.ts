import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The TypeScript blocks of a README by the file name that each begins with. */
export async function readBlocks(readme: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(readme, 'utf8');
  const blocks = [...text.matchAll(/^```ts\n(?<code>[\s\S]*?)^```$/gm)].map(({ groups }) => {
    const code = groups?.['code'] ?? '';
    const name = /^\/\/ (?<name>[\w-]+\.ts)\n/.exec(code)?.groups?.['name'];
    if (name === undefined) throw new Error(`a block begins with no file name:\n${code}`);
    return [name, code] as const;
  });
  return new Map(blocks);
}

/** Writes files into a folder. */
export async function writeFiles(folder: string, files: Iterable<readonly [string, string]>): Promise<void> {
  await Promise.all([...files].map(([name, text]) => writeFile(join(folder, name), text)));
}
