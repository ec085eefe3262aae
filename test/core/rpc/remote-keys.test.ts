import { createServer, type Server, type ServerResponse } from 'node:http';
import { type JWTHeaderParameters, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { remoteKeys } from '../../../core/rpc/remote-keys.ts';
import { createKey, createTestIssuer, type TestIssuer, type TestKey } from './test-issuer.ts';
import { listenLocally } from './test-server.ts';

const minute = 60_000;

let issuer: TestIssuer;
let next: TestKey;
let server: Server;
let url: URL;
let asked: number;
let published: readonly TestKey[];
/** What the server does instead of answering with the published keys. */
let misbehave: ((response: ServerResponse) => void) | undefined;
let nowMs: number;
let troubles: unknown[];
let find: ReturnType<typeof remoteKeys>;

beforeAll(async () => {
  issuer = await createTestIssuer();
  next = await createKey('ES256', 'next');
});

afterAll(() => issuer.remove());

beforeEach(async () => {
  [asked, published, misbehave, nowMs] = [0, [issuer.keys.ES256], undefined, 0];
  const heard: unknown[] = [];
  troubles = heard;
  server = createServer((_request, response) => {
    asked += 1;
    if (misbehave === undefined) {
      response.end(JSON.stringify({ keys: published.map(({ publicJwk }) => publicJwk) }));
    } else {
      misbehave(response);
    }
  });
  url = new URL(`http://127.0.0.1:${await listenLocally(server)}/keys`);
  find = remoteKeys(url, { onLook: (trouble) => heard.push(trouble), monotonicMs: () => nowMs });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function verify(
  key: TestKey = issuer.keys.ES256,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return await jwtVerify(await issuer.token({ key, header }), find).then(
    () => 'good',
    (error: Error) => error.name,
  );
}

const down = (response: ServerResponse): void => void response.writeHead(503).end();
const back = undefined;

describe('N4 keys of an issuer', () => {
  test('are fetched once for many tokens, and again after ten minutes', async () => {
    await Promise.all(Array.from({ length: 20 }, () => verify()));
    nowMs = 10 * minute - 1;
    await verify();
    expect(asked).toBe(1);
    nowMs = 10 * minute;
    await verify();
    expect(asked).toBe(2);
  });

  test('are fetched once in thirty seconds however many unknown keys tokens name', async () => {
    await verify();
    for (nowMs = 1_000; nowMs < 91_000; nowMs += 1_000) {
      const flood = Array.from({ length: 5 }, (_, index) => verify(next, { kid: `${nowMs}-${index}` }));
      expect(new Set(await Promise.all(flood))).toEqual(new Set(['JWKSNoMatchingKey']));
    }
    expect(asked).toBe(1 + 3);
  });

  test('rotate without a failure when the new one is published before it is used', async () => {
    const seen: string[] = [await verify()];
    published = [issuer.keys.ES256, next];
    nowMs = minute;
    seen.push(await verify(), await verify(next), await verify());
    published = [next];
    nowMs = 20 * minute;
    seen.push(await verify(next));
    expect(seen).toEqual(Array.from({ length: 5 }, () => 'good'));
    expect(await verify()).toBe('JWKSNoMatchingKey');
  });

  test('are kept for an hour while it is down, and asked for again every thirty seconds', async () => {
    await verify();
    misbehave = down;
    for (nowMs = 10 * minute; nowMs < 60 * minute; nowMs += 10_000) expect(await verify()).toBe('good');
    expect(asked).toBeLessThanOrEqual(1 + 50 * 2);
    nowMs = 60 * minute;
    expect(await verify()).toBe('Error');
    misbehave = back;
    nowMs += 5_000;
    expect(await verify()).toBe('good');
    expect(troubles.at(-1)).toBeUndefined();
  });

  test('that was never reached are asked for again after five seconds', async () => {
    misbehave = down;
    expect(await verify()).toBe('Error');
    misbehave = back;
    nowMs = 4_999;
    expect(await verify()).toBe('Error');
    nowMs = 5_000;
    expect(await verify()).toBe('good');
  });

  test('are waited for by nobody while it hangs, once that is known', async () => {
    await verify();
    misbehave = down;
    nowMs = 10 * minute;
    await verify();
    misbehave = () => undefined;
    nowMs = 11 * minute;
    expect(await verify()).toBe('good');
    await expect.poll(() => asked).toBe(3);
  });
});

const answers: readonly [string, (response: ServerResponse) => void][] = [
  ['redirects', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
  ['answers 404', (response) => response.writeHead(404).end('{"keys":[]}')],
  ['answers no JSON', (response) => response.end('<html>')],
  ['answers no key set', (response) => response.end('{"keys":7}')],
  ['answers without end', (response) => response.end(Buffer.alloc(2_000_000, ' '))],
  ['breaks off', (response) => response.write('{"keys":') && response.destroy()],
];

test.each(answers)(
  'N3 an issuer that %s is asked once, nowhere else, and its last good keys are kept',
  async (_case, answer) => {
    await verify();
    misbehave = answer;
    nowMs = 10 * minute;
    expect(await verify()).toBe('good');
    expect(asked).toBe(2);
    expect(troubles).toEqual([undefined, expect.any(Error)]);
  },
);
