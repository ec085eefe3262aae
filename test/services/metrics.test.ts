import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCurfew } from '../../clients/sdk/index.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { reasonOf, submit } from './grant/ask.ts';

const CONTRIBUTING = fileURLToPath(new URL('../../CONTRIBUTING.md', import.meta.url));

type Service = 'decision' | 'grant';
const both = ['decision', 'grant'] as const;

const CANARY = 'canary-of-the-environment';

let stack: Stack;

beforeAll(async () => {
  vi.stubEnv('CURFEW_TEST_CANARY', CANARY);
  stack = await startStack();
  await submit(stack, 'ada', { resource: { type: 'Database', id: 'scratch' } });
  const ada = await stack.as('ada');
  const ask = (action: string, principal = 'ada') =>
    ada.authorize({
      principal: { type: 'User', id: principal },
      action,
      resource: { type: 'Database', id: 'scratch' },
    });
  for (const decided of [ask('ping'), ask('ping'), ask('write'), ask('ping', 'eve')]) await decided;
  await reasonOf(ada.services.decision.authorize({ useId: 'x'.repeat(2_000_000) }));
  const { decision, grant } = stack;
  const stranger = createCurfew({
    decisionAddress: `127.0.0.1:${decision.port}`,
    grantAddress: `127.0.0.1:${grant.port}`,
  });
  await reasonOf(stranger.services.decision.getStatus({}));
  await reasonOf(stranger.services.grants.listGrants({}));
  stranger.close();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await stack[Symbol.asyncDispose]();
});

async function pageOf(service: Service): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${stack[service].httpPort}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return await response.text();
}

describe('the metrics page', () => {
  it('of the decision service counts decisions, calls and refusals', async () => {
    const lines = (await pageOf('decision')).split('\n');
    const authorize = 'curfew.decision.v1.DecisionService/Authorize';
    expect(lines).toEqual(
      expect.arrayContaining([
        'curfew_decisions_total{effect="ALLOW"} 2',
        'curfew_decisions_total{effect="DENY"} 1',
        'curfew_decisions_total{effect="NONE"} 1',
        'curfew_decision_duration_seconds_count 4',
        `curfew_rpc_calls_total{rpc="${authorize}",code="OK"} 3`,
        `curfew_rpc_calls_total{rpc="${authorize}",code="PERMISSION_DENIED"} 1`,
        `curfew_rpc_calls_total{rpc="${authorize}",code="RESOURCE_EXHAUSTED"} 1`,
        `curfew_rpc_duration_seconds_count{rpc="${authorize}"} 5`,
        'curfew_rpc_sheds_total 1',
        'curfew_rpc_authentication_failures_total{reason="CREDENTIALS_MISSING"} 1',
        'curfew_policy_activations_total 1',
        'curfew_feed_bootstraps_total 1',
        `curfew_ledger_revision ${stack.decision.followed.replica.revision}`,
        'curfew_live_grants 1',
      ]),
    );
    const staleness = lines.find((line) => line.startsWith('curfew_feed_staleness_seconds '));
    expect(Number(staleness?.split(' ')[1])).toBeLessThan(60);
  });

  it('of the grant service counts what it appends to the ledger', async () => {
    const lines = (await pageOf('grant')).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'curfew_ledger_appends_total{kind="POLICY_ACTIVATED"} 1',
        'curfew_ledger_appends_total{kind="REQUEST_SUBMITTED"} 1',
        'curfew_ledger_appends_total{kind="GRANT_STARTED"} 1',
        'curfew_policy_refusals_total 0',
      ]),
    );
  });
});

describe('D23 the metrics page', () => {
  it.each(both)('of the %s service shows no argument, variable, address, path or name', async (service) => {
    const page = await pageOf(service);
    const { database } = stack;
    const secrets = [
      ...process.argv.slice(1),
      database.name,
      new URL(database.grantUrl).password,
      'postgres',
      '127.0.0.1',
      process.cwd(),
      process.version,
      CANARY,
      'ada',
      'eve',
      'scratch',
      'to see',
    ];
    expect(secrets.filter((secret) => page.includes(secret))).toEqual([]);
  });

  it.each(both)('of the %s service is on the loopback HTTP port and nowhere else', async (service) => {
    const { port, httpPort } = stack[service];
    const outer = Object.values(networkInterfaces())
      .flatMap((addresses = []) => addresses)
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of outer) {
      for (const each of [port, httpPort]) expect(await isOpen(address, each)).toBe(false);
    }
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed');
  });
});

async function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connectTcp({ host, port }, () => resolve(true)).once('error', () => resolve(false));
  const open = await promise;
  socket.destroy();
  return open;
}

describe('the documentation', () => {
  it.each(both)('has every metric of the %s service, and no other', async (service) => {
    const inWords = await documented(service);
    expect(inWords.length).toBeGreaterThan(10);
    expect((await shown(service)).toSorted(byName)).toEqual(inWords.toSorted(byName));
  });
});

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
}

/** The rows of the table of metrics. */
async function documented(service: Service): Promise<readonly Metric[]> {
  const rows = (await readFile(CONTRIBUTING, 'utf8')).matchAll(
    /^\| `(curfew_\w+)` \| (\w+) \| (\w+) \| (.+?) \| .+ \|$/gm,
  );
  return [...rows].flatMap(([, name = '', type = '', process, labels = '']) =>
    process === 'both' || process === service
      ? [{ name, type, labels: labels === '–' ? '' : labels.replaceAll('`', '').replaceAll(' ', '') }]
      : [],
  );
}

/** What the page shows: of each metric the first line. */
async function shown(service: Service): Promise<readonly Metric[]> {
  const page = await pageOf(service);
  return [...page.matchAll(/^# TYPE (\w+) (\w+)\n\w+?(?:_count)?(?:\{(.*?)\})? /gm)].map(
    ([, name = '', type = '', labels = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).join(),
    }),
  );
}

const byName = (a: Metric, b: Metric): number => (a.name < b.name ? -1 : 1);
