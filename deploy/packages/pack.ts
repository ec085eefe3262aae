import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { manifestOf, type PackageName, packageNames, type RootManifest } from './manifests.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/**
 * Compiles the packages into folders of their own and packs each as npm would publish it.
 *
 * @param out where folders and tarballs go; what is there of former ones is replaced
 * @returns the tarballs' paths
 * @throws Error with what the compiler or npm said
 */
export async function packPackages(out: string): Promise<Readonly<Record<PackageName, string>>> {
  const text = await readFile(join(root, 'package.json'), 'utf8');
  const manifest = JSON.parse(text) as RootManifest; // our own file
  const tarballs = await Promise.all(packageNames.map((name) => packOne(name, manifest, out)));
  return Object.fromEntries(tarballs) as Record<PackageName, string>; // one for each name
}

async function packOne(name: PackageName, root: RootManifest, out: string): Promise<[PackageName, string]> {
  const folder = join(out, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await compile(name, folder);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifestOf(name, root), null, 2)}\n`);
  await copy(join('clients', name, 'README.md'), join(folder, 'README.md'));
  await copy('LICENSE', join(folder, 'LICENSE'));
  return [name, await pack(folder, out)];
}

async function compile(name: PackageName, folder: string): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const project = join(root, `deploy/packages/tsconfig.${name}.json`);
  try {
    await run(process.execPath, [tsc, '--project', project, '--outDir', folder]);
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`clients/${name} does not compile:\n${said}`, { cause: error });
  }
}

async function pack(folder: string, out: string): Promise<string> {
  const path = `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  const words = ['pack', '--json', '--ignore-scripts', '--pack-destination', out];
  const { stdout } = await run('npm', words, { cwd: folder, env: { ...process.env, PATH: path } });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[]; // npm's documented form
  if (packed === undefined) throw new Error(`npm pack said nothing of ${folder}`);
  return join(out, packed.filename);
}

function copy(from: string, to: string): Promise<void> {
  return copyFile(join(root, from), to);
}
