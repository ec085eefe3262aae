import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCurfew, type Curfew } from '../../clients/sdk/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm start` starts, in processes of its own, in a home folder and on ports of its own. */
export interface Running extends AsyncDisposable {
  readonly home: string;
  readonly process: ChildProcess;
  readonly env: NodeJS.ProcessEnv;
  /** Everything it said so far. */
  output(): string;
  as(name: string): Promise<Curfew>;
  /** Runs the CLI as a person would. */
  cli(...args: readonly string[]): Promise<CliResult>;
  /** Runs a line that a person would type into a shell, in the folder that has the home in it. */
  shell(line: string): Promise<CliResult>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts it, without waiting until it is ready. */
export async function launch(env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const home = env['CURFEW_HOME'] ?? join(await mkdtemp(join(tmpdir(), 'curfew-home-')), '.curfew');
  const full: NodeJS.ProcessEnv = { ...process.env, ...(await freeAddresses()), CURFEW_HOME: home, ...env };
  const child = spawn(process.execPath, ['services/standalone/main.ts'], {
    cwd: ROOT,
    env: full,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const clients: Curfew[] = [];
  const address = (name: string): string => full[name] ?? '';
  return {
    home,
    process: child,
    env: full,
    output: () => said,
    as: async (name) => {
      const tokens = JSON.parse(await readFile(join(home, 'tokens.json'), 'utf8')) as Record<string, string>; // the format is the README's
      const client = createCurfew({
        decisionAddress: address('CURFEW_DECISION_LISTEN'),
        grantAddress: address('CURFEW_GRANT_LISTEN'),
        token: tokens[name] ?? `no token of ${name}`,
        authorizeTimeoutMs: 10_000,
      });
      clients.push(client);
      return client;
    },
    cli: (...args) => run([process.execPath, join(ROOT, 'clients/cli/bin/curfew.js'), ...args], full, home),
    shell: (line) => run(['sh', '-c', line], full, home),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      await stop(child);
      if (env['CURFEW_HOME'] === undefined) await rm(dirname(home), { recursive: true });
    },
  };
}

/** Starts it and waits until both services are SERVING. */
export async function start(env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const running = await launch(env);
  try {
    await isReady(running);
    return running;
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves when it says that it is ready; rejects with what it said when it ends before. */
export async function isReady(running: Running): Promise<void> {
  const child = running.process;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (running.output().includes('Curfew is ready')) resolve();
  };
  child.stdout?.on('data', look);
  child.once('exit', () => reject(new Error(`it ended before it was ready:\n${running.output()}`)));
  look();
  await promise;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function run(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<CliResult> {
  const cliEnv = {
    ...env,
    CURFEW_DECISION_ADDRESS: env['CURFEW_DECISION_LISTEN'],
    CURFEW_GRANT_ADDRESS: env['CURFEW_GRANT_LISTEN'],
    // npx runs what is here, or nothing.
    npm_config_offline: 'true',
  };
  const { promise, resolve } = Promise.withResolvers<CliResult>();
  execFile(program, args, { cwd: dirname(home), env: cliEnv }, (error, stdout, stderr) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
    resolve({ code, stdout, stderr });
  });
  return await promise;
}

const LISTENERS = [
  'CURFEW_DECISION_LISTEN',
  'CURFEW_DECISION_HTTP_LISTEN',
  'CURFEW_GRANT_LISTEN',
  'CURFEW_GRANT_HTTP_LISTEN',
];

async function freeAddresses(): Promise<Record<string, string>> {
  const servers = await Promise.all(
    LISTENERS.map(async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const bound = server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return Object.fromEntries(LISTENERS.map((name, index) => [name, `127.0.0.1:${ports[index]}`]));
}
