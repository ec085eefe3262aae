import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findFreePorts } from '../../chaos/free-ports.ts';
import type { Company } from './company.ts';
import { writeCerbosPolicies } from './cerbos-policies.ts';

/** A Cerbos server of our own on loopback. */
export interface Cerbos extends AsyncDisposable {
  /** Of its gRPC. */
  readonly address: string;
  readonly version: string;
  readonly pid: number | undefined;
}

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = '@cerbos/cerbos-linux-x64';
const START_MS = 60_000;

/** Starts it with the company's policies; telemetry and audit log are off, nothing else is turned. @throws Error with what it wrote, when it ends first */
export async function startCerbos(company: Company): Promise<Cerbos> {
  await using opened = new AsyncDisposableStack();
  const { binary, version } = await findBinary();
  const { folder } = opened.use(await writeCerbosPolicies(company));
  const [httpPort = 0, grpcPort = 0] = await findFreePorts(2);
  const config = join(folder, '.cerbos.yaml');
  await writeFile(config, JSON.stringify(configOf(folder, httpPort, grpcPort))); // JSON is YAML
  const child = spawn(binary, ['server', `--config=${config}`, '--log-level=error'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-10_000)));
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  opened.defer(async () => {
    if (!isAlive()) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const untilMs = performance.now() + START_MS;
  while (!(await isServing(httpPort))) {
    if (!isAlive() || performance.now() > untilMs) throw new Error(`Cerbos does not serve:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const rest = opened.move();
  return {
    address: `127.0.0.1:${grpcPort}`,
    version,
    pid: child.pid,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function configOf(folder: string, httpPort: number, grpcPort: number): object {
  return {
    server: { httpListenAddr: `127.0.0.1:${httpPort}`, grpcListenAddr: `127.0.0.1:${grpcPort}` },
    telemetry: { disabled: true },
    audit: { enabled: false },
    storage: { driver: 'disk', disk: { directory: folder, watchForChanges: false } },
  };
}

async function isServing(httpPort: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/_cerbos/health`).catch(() => undefined);
  return answer?.status === 200;
}

/** Of test/bench's own package; installed there when it is missing, so that nobody else has to. */
async function findBinary(): Promise<{ readonly binary: string; readonly version: string }> {
  if (!existsSync(join(BENCH, 'node_modules', PACKAGE))) {
    console.log('installing Cerbos into test/bench/node_modules (npm ci) …');
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: BENCH });
  }
  const require = createRequire(join(BENCH, 'package.json'));
  const described: unknown = require(`${PACKAGE}/package.json`);
  return { binary: require.resolve(PACKAGE), version: versionOf(described) };
}

function versionOf(described: unknown): string {
  const has = described !== null && typeof described === 'object' && 'version' in described;
  return has ? String(described.version) : 'unknown';
}
