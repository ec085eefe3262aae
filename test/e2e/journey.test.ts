import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT_CODES } from './exit-codes.ts';
import { type Running, start } from '../support/running.ts';

let running: Running;
beforeAll(async () => {
  running = await start();
}, 60_000);
afterAll(() => running[Symbol.asyncDispose]());

const RESOURCE = 'Database::orders';

it('the main job: denied → requested → approved → allowed → time is up → denied, by the CLI, with a real expiry', async () => {
  const can = () => running.cli('can', 'read', RESOURCE, '--as', 'ada', '-o', 'json');
  const denied = await can();
  expect(denied.code).toBe(EXIT_CODES.denied);
  const asTable = await running.cli('can', 'read', RESOURCE, '--as', 'ada');
  expect(asTable.stdout).toMatch(/curfew\S* request read/);

  const requested = await running.cli(
    'request',
    'read',
    RESOURCE,
    '--duration',
    '5s',
    '--reason',
    'look',
    '--no-wait',
    '--as',
    'ada',
    '-o',
    'json',
  );
  expect(requested.code).toBe(EXIT_CODES.pending);
  const { request } = JSON.parse(requested.stdout) as { request: { id: string } };
  const reviewed = await running.cli('review', request.id, '--approve', '--as', 'grace');
  expect([reviewed.code, reviewed.stderr]).toEqual([0, '']);

  const client = await running.as('ada');
  const question = {
    principal: { type: 'User', id: 'ada' },
    action: 'read',
    resource: { type: 'Database', id: 'orders' },
  };
  const { grants } = await client.services.grants.listGrants({ subject: question.principal });
  const expiresAt = grants[0]?.expiresAt;
  const expiresMs = Number(expiresAt?.seconds) * 1000 + (expiresAt?.nanos ?? 0) / 1e6;
  const decidedAfterEnd: number[] = [];
  let allows = 0;
  for (let effect = 'allow'; effect === 'allow'; ) {
    const decision = await client.authorize(question);
    effect = decision.effect;
    if (decision.effect !== 'allow') continue;
    allows += 1;
    const at = decision.answer.decidedAt;
    const decidedMs = Number(at?.seconds) * 1000 + (at?.nanos ?? 0) / 1e6;
    if (decidedMs >= expiresMs) decidedAfterEnd.push(decidedMs);
  }
  expect(allows).toBeGreaterThan(0);
  expect(decidedAfterEnd).toEqual([]);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresMs - 50);
  expect((await can()).code).toBe(EXIT_CODES.denied);
});

it('a request that waits ends with the approval of somebody else', async () => {
  const waiting = running.cli(
    'request',
    'read',
    RESOURCE,
    '--duration',
    '20s',
    '--reason',
    'wait for it',
    '--as',
    'ada',
  );
  const grace = await running.as('grace');
  await expect
    .poll(async () => (await grace.services.grants.listAccessRequests({ toReview: true })).requests.length, {
      timeout: 20_000,
    })
    .toBe(1);
  const { requests } = await grace.services.grants.listAccessRequests({ toReview: true });
  const [request] = requests;
  await grace.services.grants.reviewAccessRequest({
    id: request?.id ?? '',
    requestHash: request?.requestHash ?? new Uint8Array(),
    verdict: 1,
  });
  expect((await waiting).code).toBe(0);
});

it('the ledger verifies, and says who did what', async () => {
  const auditor = await running.cli('ledger', 'verify', '--as', 'dorothy');
  expect([auditor.code, auditor.stderr]).toEqual([0, '']);
  const listed = await running.cli('ledger', 'ls', '--as', 'dorothy', '-o', 'json');
  const kinds = (JSON.parse(listed.stdout) as { events: { kind: string }[] }).events.map(
    (event) => event.kind,
  );
  expect(kinds).toEqual(
    expect.arrayContaining(['REQUEST_SUBMITTED', 'REQUEST_REVIEWED', 'GRANT_STARTED', 'POLICY_ACTIVATED']),
  );
});

it('W20 the CLI refuses self-review like the API does', async () => {
  const requested = await running.cli(
    'request',
    'read',
    RESOURCE,
    '--duration',
    '20s',
    '--reason',
    'mine',
    '--no-wait',
    '--as',
    'grace',
    '-o',
    'json',
  );
  const { request } = JSON.parse(requested.stdout) as { request: { id: string } };
  const reviewed = await running.cli('review', request.id, '--approve', '--as', 'grace');
  expect([reviewed.code, /SELF_REVIEW|never review/.test(reviewed.stderr)]).toEqual([1, true]);
});
