import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHealthServer, type HealthServer } from '../../../core/runtime/http.ts';

let isReady = true;
let server: HealthServer;
let origin: string;

beforeEach(async () => {
  isReady = true;
  server = createHealthServer(() => isReady);
  origin = `http://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
});

afterEach(() => server.close());

test('it lives, and is ready when it says so', async () => {
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  expect((await fetch(`${origin}/readyz`)).status).toBe(200);
  isReady = false;
  const unready = await fetch(`${origin}/readyz`);
  expect([unready.status, await unready.text()]).toEqual([503, 'not ready\n']);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
});

test('once it stops serving it is not ready whatever is said, and lives', async () => {
  server.stopServing();
  expect((await fetch(`${origin}/readyz`)).status).toBe(503);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
});

test.each([
  ['/', 'GET', 404],
  ['/readyz/', 'GET', 404],
  ['/constructor', 'GET', 404],
  ['/healthz', 'POST', 405],
  ['/healthz', 'HEAD', 200],
])('%s by %s is %i', async (path, method, status) => {
  expect((await fetch(origin + path, { method })).status).toBe(status);
});

test.each(['0.0.0.0:0', '[::]:0', 'somewhere', ''])('it does not listen on %j', async (address) => {
  const other = createHealthServer(() => true);
  await expect(other.listen(address)).rejects.toThrow('wanted a loopback address such as 127.0.0.1:2210');
});

test('a taken port is one clear error', async () => {
  const other = createHealthServer(() => true);
  await expect(other.listen(new URL(origin).host)).rejects.toThrow(/cannot listen on .*EADDRINUSE/);
});
