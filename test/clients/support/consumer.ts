import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packPackages } from '../../../deploy/packages/pack.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const bin = join(root, 'node_modules/.bin');

/** A project of somebody else's that installed both packages. */
export interface Consumer extends AsyncDisposable {
  readonly folder: string;
  /** Runs a program in it; the Node is the development install's. */
  run(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the README's middleware is used with. */
const frameworks = [
  '@connectrpc/connect',
  '@hono/node-server',
  '@types/express',
  'express',
  'fastify',
  'hono',
] as const;

/** Packs the packages and installs them with npm, in an empty folder outside the repository. */
export async function createConsumer(): Promise<Consumer> {
  await using cleanup = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'curfew-consumer-'));
  cleanup.defer(() => rm(home, { recursive: true }));
  const folder = join(home, 'project');
  await mkdir(folder);
  const { sdk, cli } = await packPackages(join(home, 'packed'));
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  );
  await writeFile(join(folder, 'package-lock.json'), await emptyLock());
  const words = ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', sdk, cli];
  const run: Consumer['run'] = (program, args, env = {}) => runIn(folder, program, args, env);
  const installed = await run('npm', words, { HOME: home, ...ofNpm(process.env) });
  if (installed.code !== 0) throw new Error(`npm install failed:\n${installed.stderr}`);
  for (const name of frameworks) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', name), link);
  }
  const rest = cleanup.move();
  return { folder, run, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

/** What says how npm reaches a registry from here: its cache and settings, the way there, and whom to trust. */
const OF_NPM =
  /^(HOME|NODE_EXTRA_CA_CERTS|(HTTPS?|NO)_PROXY|npm_config_(cache|cafile|registry|userconfig|globalconfig))$/i;

function ofNpm(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const names = Object.keys(env).filter((name) => OF_NPM.test(name));
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']));
}

/** Knows the versions of the repository's own lock, so that npm takes what its cache has and asks no registry. */
async function emptyLock(): Promise<string> {
  const text = await readFile(join(root, 'package-lock.json'), 'utf8');
  const lock = JSON.parse(text) as { packages: Record<string, object> }; // npm's documented form
  return JSON.stringify({ ...lock, packages: { ...lock.packages, '': { name: 'consumer' } } });
}

async function runIn(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const path = [bin, process.env['PATH'] ?? ''].join(delimiter);
  try {
    const ended = await promisify(execFile)(program, [...args], { cwd, env: { PATH: path, ...env } });
    return { code: 0, ...ended };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended; // as execFile documents it
    return { code, stdout, stderr };
  }
}
