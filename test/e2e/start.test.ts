import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startPostgres } from '../../deploy/local/postgres.ts';
import { onServer } from '../support/postgres-server.ts';
import { launch, start } from '../support/running.ts';

const HOSPITAL = fileURLToPath(new URL('../support/hospital', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../policies', import.meta.url));

async function ended(child: {
  exitCode: number | null;
  once: (event: 'exit', listener: () => void) => unknown;
}): Promise<void> {
  if (child.exitCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', resolve);
  await promise;
}

/** The processes whose command line or environment names the home folder. */
async function processesOf(home: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [command, environment] = [await read('cmdline'), await read('environ')];
      return command.includes(home) || environment.includes(home)
        ? [`${pid} ${command.replaceAll('\0', ' ')}`]
        : [];
    }),
  );
  return found.flat();
}

it('everybody has a token that nobody else can read; SIGTERM and kill -9 leave no process behind, and the next start has everything that was there', async () => {
  const home = await mkdtemp(join(tmpdir(), 'curfew-home-'));
  const first = await start({ CURFEW_HOME: home });
  const path = join(home, 'tokens.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const tokens = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
  expect(Object.keys(tokens)).toEqual(expect.arrayContaining(['ada', 'grace', 'ci', 'payments']));
  expect(first.output()).toContain(first.env['CURFEW_DECISION_LISTEN']);
  const ada = await first.as('ada');
  const { request } = await ada.requestAccess({
    items: [{ resource: { type: 'Database', id: 'orders' }, actions: ['read'] }],
    reason: 'kept',
  });
  ada.close();
  first.process.kill('SIGKILL');
  await expect.poll(() => processesOf(home), { timeout: 60_000 }).toEqual([]);
  const second = await start({ CURFEW_HOME: home });
  const again = await second.as('ada');
  expect((await again.services.grants.getAccessRequest({ id: request?.id ?? '' })).request?.reason).toBe(
    'kept',
  );
  await second[Symbol.asyncDispose]();
  await expect.poll(() => processesOf(home), { timeout: 60_000 }).toEqual([]);
  await rm(home, { recursive: true });
}, 90_000);

it('a taken port gets one clear line that says what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const address = `127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`;
  await using running = await launch({ CURFEW_GRANT_LISTEN: address });
  await ended(running.process);
  expect(running.process.exitCode).toBe(1);
  expect(running.output()).toContain(`${address} is taken`);
  expect(running.output()).toContain('CURFEW_GRANT_LISTEN');
  expect(running.output().trim().split('\n')).toHaveLength(1);
  server.close();
}, 240_000);

it('a broken policy is said with file, line and column before anything runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-policies-'));
  await cp(EXAMPLE, folder, { recursive: true });
  await writeFile(
    join(folder, 'access', 'broken.cedar'),
    '@id("broken")\npermit (principal, action, resource) when { context has grannt };\n',
  );
  await using running = await launch({ CURFEW_POLICIES: folder });
  await ended(running.process);
  expect(running.process.exitCode).toBe(1);
  expect(running.output()).toContain('access/broken.cedar:1:1');
  await rm(folder, { recursive: true });
}, 240_000);

it('a wrong variable is said by name, value seen and value wanted', async () => {
  await using running = await launch({ CURFEW_DECISION_LISTEN: 'here', CURFEW_POLICYS: 'x' });
  await ended(running.process);
  expect(running.output()).toContain('CURFEW_DECISION_LISTEN: seen "here", wanted an address');
  expect(running.output()).toContain('CURFEW_POLICYS: unknown variable; did you mean CURFEW_POLICIES?');
}, 240_000);

it('with CURFEW_DATABASE_URL and CURFEW_POLICIES it runs on that Postgres and those policies, and mends its roles at the next start', async () => {
  // A server of its own: migrate sets the passwords of roles, and those belong to a whole server.
  const directory = await mkdtemp(join(tmpdir(), 'curfew-postgres-'));
  const server = await startPostgres({ directory: join(directory, 'postgres'), durable: false });
  const env = {
    CURFEW_DATABASE_URL: server.url,
    CURFEW_POLICIES: HOSPITAL,
    CURFEW_HOME: join(directory, 'home'),
  };
  const running = await start(env);
  expect(running.output()).toContain('as CURFEW_DATABASE_URL says');
  await running[Symbol.asyncDispose]();
  await onServer(server.url, 'ALTER ROLE curfew_grant CREATEDB');
  const again = await start(env);
  await again[Symbol.asyncDispose]();
  await server.stop();
  await rm(directory, { recursive: true });
}, 240_000);
