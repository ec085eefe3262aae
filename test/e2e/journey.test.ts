import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT_CODES } from './exit-codes.ts';
import { runHere } from '../clients/support/run-curfew.ts';
import { linkRepository, listed, tourCommands } from './readme.ts';
import { type CliResult, type Running, start } from '../support/running.ts';

let running: Running;
beforeAll(async () => {
  running = await start();
}, 240_000);
afterAll(() => running[Symbol.asyncDispose]());

const RESOURCE = 'Database::orders';

it('the main job, as the README tells it: denied, requested, approved, allowed, time is up, denied', async () => {
  await linkRepository(dirname(running.home));
  const [first, ask, listToReview, approve, again, ...others] = await tourCommands();
  expect(others).toEqual([]);
  const denied = await answered(first);
  expect([denied.code, denied.stdout]).toEqual([
    EXIT_CODES.denied,
    expect.stringMatching(
      /^DENY[^]*^Next: npx curfew request read Database::orders --workflow prod-reads .* --as ada$/m,
    ),
  ]);

  const requested = await running.shell(ask);
  expect([requested.code, requested.stderr]).toEqual([EXIT_CODES.pending, '']);
  const waiting = await running.shell(listToReview);
  expect(waiting.code).toBe(EXIT_CODES.ok);
  // The first characters of the id do, says the README.
  const id = /^[0-9a-f]{8}(?=-)/m.exec(waiting.stdout)?.[0] ?? 'no id';
  expect(requested.stdout).toContain(id);
  const reviewed = await running.shell(approve.replace(/\bID\b/, id));
  expect([reviewed.code, reviewed.stderr]).toEqual([EXIT_CODES.ok, '']);

  const allowed = await answered(again);
  expect([allowed.code, allowed.stdout]).toEqual([EXIT_CODES.ok, expect.stringMatching(/^ALLOW/)]);
  await untilTimeIsUp();
  const deniedAgain = await answered(again);
  expect([deniedAgain.code, deniedAgain.stdout]).toEqual([EXIT_CODES.denied, expect.stringMatching(/^DENY/)]);
}, 120_000);

/** Types the line until there is an answer: on a machine under load a replica may be without news for a moment, and says so. */
async function answered(line: string): Promise<CliResult> {
  for (;;) {
    const result = await running.shell(line);
    if (!result.stderr.includes('(STALE)')) return result;
  }
}

/** Asks until the answer is no more ALLOW, and no answer after the end was one. */
async function untilTimeIsUp(): Promise<void> {
  const client = await running.as('ada');
  const question = {
    principal: { type: 'User', id: 'ada' },
    action: 'read',
    resource: { type: 'Database', id: 'orders' },
  };
  const { grants } = await client.services.grants.listGrants({ subject: question.principal });
  const expiresMs = msOf(grants[0]?.expiresAt);
  expect(expiresMs - msOf(grants[0]?.startsAt)).toBe(20_000);
  const decidedAfterEnd: number[] = [];
  let allows = 0;
  for (let isOver = false; !isOver; ) {
    const decision = await client.authorize(question);
    isOver = decision.effect === 'deny';
    if (decision.effect === 'error') expect(decision.error.reason).toBe('STALE');
    if (decision.effect !== 'allow') continue;
    allows += 1;
    const decidedMs = msOf(decision.answer.decidedAt);
    if (decidedMs >= expiresMs) decidedAfterEnd.push(decidedMs);
  }
  expect(allows).toBeGreaterThan(0);
  expect(decidedAfterEnd).toEqual([]);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresMs - 50);
}

function msOf(at: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return Number(at?.seconds) * 1_000 + (at?.nanos ?? 0) / 1e6;
}

it('the commands and exit codes that the README lists are those that there are', async () => {
  const { commands, exitCodes } = await listed();
  expect(commands.length).toBeGreaterThan(10);
  for (const words of commands) {
    const { code, stdout } = await runHere([...words, '--help']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`Usage: curfew ${words.join(' ')} `)]);
  }
  expect(exitCodes).toEqual(Object.values(EXIT_CODES));
});

it('the doctor finds nothing wrong with what npm start started', async () => {
  // On a machine under load a service may be without news for a moment, which the doctor then says.
  await expect
    .poll(() => running.cli('doctor', '--as', 'ada'), { timeout: 50_000 })
    .toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok +caller +the grant service takes you for User::"ada"$/m),
    });
}, 240_000);

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
      timeout: 120_000,
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
