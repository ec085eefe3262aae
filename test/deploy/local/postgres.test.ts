import { once } from 'node:events';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../../deploy/local/postgres.ts';
import { waitForPredecessor } from '../../../deploy/local/predecessor.ts';

const STARTER = fileURLToPath(new URL('./starter.ts', import.meta.url));

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-launcher-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

let made: string;
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'curfew-launcher-'));
  const server = await startPostgres({ directory: made, durable: false });
  await server.stop();
});
afterAll(() => rm(made, { recursive: true }));

/** A cluster of the test's own; copied, for making one takes a second. */
async function newCluster(): Promise<string> {
  const directory = await newDirectory();
  await promisify(execFile)('cp', ['-a', `${made}/.`, directory]);
  return directory;
}

async function start(directory: string, port?: number): Promise<Awaited<ReturnType<typeof startPostgres>>> {
  const server = await startPostgres({ directory, durable: false, ...(port === undefined ? {} : { port }) });
  onTestFinished(() => server.stop());
  return server;
}

async function ask(url: string, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function readServerPid(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8'), 10);
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function startElsewhere(directory: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [STARTER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]; // a line is a string
  return { child, url };
}

test('a started Postgres answers its owner, and nobody after it was stopped', async () => {
  const server = await start(await newCluster());
  expect(await ask(server.url, 'SHOW server_encoding')).toBe('UTF8');
  expect(await ask(server.url, 'SHOW server_version_num')).toMatch(/^18/);
  await server.stop();
  await expect(ask(server.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
});

test('a second start finds the data of the first', async () => {
  const directory = await newDirectory();
  const first = await startPostgres({ directory });
  await ask(first.url, 'CREATE TABLE kept (value int)');
  await ask(first.url, 'INSERT INTO kept VALUES (7)');
  await first.stop();
  const second = await start(directory);
  expect(await ask(second.url, 'SELECT value FROM kept')).toBe(7);
});

test('Postgres listens on the loopback interface only and wants the password', async () => {
  const directory = await newCluster();
  const server = await start(directory);
  expect(await ask(server.url, 'SHOW listen_addresses')).toBe('127.0.0.1');
  expect(await ask(server.url, 'SHOW unix_socket_directories')).toBe('');
  const guess = new URL(server.url);
  guess.password = 'guess';
  await expect(ask(guess.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
});

test('the wanted port is used, and a taken one is refused with what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number }; // a TCP server's address is an object
  const directory = await newCluster();
  await expect(start(directory, port)).rejects.toThrow(
    `port ${port} is taken: stop what listens on 127.0.0.1:${port}, or choose another port`,
  );
  other.close();
  await once(other, 'close');
  expect((await start(directory, port)).port).toBe(port);
});

test('kill -9 of the process that started Postgres ends Postgres, and the next start waits for that', async () => {
  const directory = await newCluster();
  const { child, url } = await startElsewhere(directory);
  await ask(url, 'CREATE TABLE kept AS SELECT 7 AS value');
  const pid = await readServerPid(directory);
  child.kill('SIGKILL');
  const server = await start(directory);
  expect(isAlive(pid)).toBe(false);
  expect(await ask(server.url, 'SELECT value FROM kept')).toBe(7);
});

test('kill -9 leaves no Postgres behind when nothing is started again', async () => {
  const directory = await newCluster();
  const { child } = await startElsewhere(directory);
  const pid = await readServerPid(directory);
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
});

test('data in use by a Postgres that goes on is refused, naming the process', async () => {
  const directory = await newCluster();
  const server = await start(directory);
  const pid = await readServerPid(directory);
  await expect(waitForPredecessor(join(directory, 'data'), 50)).rejects.toThrow(
    `already, as process ${pid}: stop what started it`,
  );
  expect(await ask(server.url, 'SELECT 1')).toBe(1);
});

test.runIf(process.platform === 'linux')(
  'a left-over process id that is somebody else by now is no obstacle',
  async () => {
    const directory = await newCluster();
    await (await start(directory)).stop();
    await writeFile(join(directory, 'data', 'postmaster.pid'), `${process.pid}\n`);
    const server = await start(directory);
    expect(await ask(server.url, 'SELECT 1')).toBe(1);
  },
);

test('a lost password is said, with the file and the way out', async () => {
  const directory = await newCluster();
  await (await start(directory)).stop();
  await rm(join(directory, 'password'));
  await expect(start(directory)).rejects.toThrow(/cannot read .*password, the owner's password: .* delete /);
});

test('data that Postgres refuses is an error with its own words', async () => {
  const directory = await newCluster();
  await (await start(directory)).stop();
  await writeFile(join(directory, 'data', 'PG_VERSION'), '9\n');
  await expect(start(directory)).rejects.toThrow(/Postgres did not start in .*incompatible with server/);
});

test('a directory below one that is closed to others will do', async () => {
  const parent = await newDirectory();
  await chmod(parent, 0o700);
  const server = await start(join(parent, 'deep', 'postgres'));
  expect(await ask(server.url, 'SELECT 1')).toBe(1);
});
