import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GENERATED = 'proto/gen';

/** Generates anew and answers how the committed files differ, one line per file. */
export async function findStale(root: string): Promise<readonly string[]> {
  const fresh = await mkdtemp(join(tmpdir(), 'curfew-generated-'));
  try {
    await promisify(execFile)(join(ROOT, 'node_modules', '.bin', 'buf'), ['generate', '-o', fresh], {
      cwd: root,
      // buf looks for its plugin there.
      env: { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` },
    });
    return await compare(join(root, GENERATED), join(fresh, GENERATED));
  } finally {
    await rm(fresh, { recursive: true });
  }
}

async function compare(committed: string, fresh: string): Promise<readonly string[]> {
  const [have, want] = [listFiles(committed), listFiles(fresh)];
  const stale: string[] = [];
  for (const name of [...new Set([...have, ...want])].sort()) {
    if (!want.includes(name)) stale.push(`${GENERATED}/${name} comes from no .proto file`);
    else if (!have.includes(name)) stale.push(`${GENERATED}/${name} is missing`);
    else if (!(await isSame(join(committed, name), join(fresh, name)))) {
      stale.push(`${GENERATED}/${name} is not what its .proto file makes`);
    }
  }
  return stale;
}

function listFiles(directory: string): readonly string[] {
  return globSync('**/*', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([readFile(one), readFile(other)]);
  return a.equals(b);
}

async function main(): Promise<void> {
  const stale = await findStale(ROOT);
  for (const line of stale) console.error(line);
  if (stale.length === 0) return;
  console.error('run npm run generate and commit what it makes');
  process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
