import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MOST_OPEN } from '../../../core/access/open-limits.ts';
import { requestAccess } from '../../../services/grant/request-access.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, database, errorOf, submit, submitted } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const FLOOD = 10_000;
const AT_ONCE = 64;
const OTHERS = 20;

async function openOf(column: 'requester' | 'subject', id: string): Promise<number> {
  const rows = await stack.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM access_requests WHERE ${column} = $1 AND state = 'PENDING'`,
    [id],
  );
  return rows[0]?.open ?? -1;
}

/** Asks as the use case does it, without the wire. @returns the reasons of those that were refused */
async function flood(
  who: { readonly type: string; readonly id: string },
  count: number,
): Promise<readonly string[]> {
  const refusals: string[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const asked = {
        id: randomUUID(),
        requester: who,
        subject: who,
        // The very same would be the request that there is already.
        reason: `again ${left}`,
        ticket: '',
        durationMs: 60_000,
        startsAt: undefined,
        breakGlass: false,
        extends: undefined,
        items: [{ resource: database('orders'), actions: [action('read')], workflow: undefined }],
      };
      await requestAccess(stack.grant.context, asked).catch((error: unknown) => {
        refusals.push(error instanceof Error && 'reason' in error ? String(error.reason) : String(error));
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return refusals;
}

it('W9 of ten thousand requests by one person only so many are open, and those of others go on', {
  timeout: 300_000,
}, async () => {
  const flooding = flood({ type: 'User', id: 'eve' }, FLOOD);
  for (let count = 0; count < OTHERS; count += 1)
    await submitted(stack, 'ada', { reason: `to see ${count}` });
  const refusals = await flooding;
  expect(await openOf('requester', 'User::"ada"')).toBe(OTHERS);
  expect(await openOf('requester', 'User::"eve"')).toBe(MOST_OPEN.requester);
  expect(new Set(refusals)).toEqual(new Set(['TOO_MANY_OPEN']));
  expect(refusals).toHaveLength(FLOOD - MOST_OPEN.requester);
});

it('W9 the refusal says how many are open, how many may be and what to do, and a withdrawal makes room', async () => {
  const error = await errorOf(submit(stack, 'eve'));
  expect([error.code, error.reason]).toEqual(['RESOURCE_EXHAUSTED', 'TOO_MANY_OPEN']);
  expect(error.message).toContain('seen 100 open requests by User::"eve", wanted at most 100');
  expect(error.message).toContain('withdraw');
  const { grants } = (await stack.as('eve')).services;
  const mine = await grants.listAccessRequests({ mine: true, pageSize: 1 });
  await grants.withdrawAccessRequest({ id: mine.requests[0]?.id ?? '' });
  await submitted(stack, 'eve');
  const preview = await grants.requestAccess({
    items: [{ resource: database('orders'), actions: [action('read')] }],
    reason: 'once more',
    validateOnly: true,
  });
  expect(preview.warnings).toContainEqual(expect.stringContaining('wanted at most 100 at once'));
});

it('W9 what needs nobody is granted however much is open', async () => {
  const { request } = await submit(stack, 'eve', { resource: database('scratch') });
  expect(request?.items[0]?.grantId).not.toBe('');
});

it('W9 so many at most are open for one subject, whoever asks', async () => {
  const robot = { type: 'Service', id: 'robot' };
  await flood(robot, MOST_OPEN.requester);
  const left = MOST_OPEN.subject - MOST_OPEN.requester;
  for (let count = 0; count < left; count += 1)
    await submitted(stack, count % 2 === 0 ? 'cy' : 'dee', { subject: robot, reason: `for ${count}` });
  const error = await errorOf(submit(stack, 'cy', { subject: robot }));
  expect(error.message).toContain('seen 200 open requests for Service::"robot"');
  expect(await openOf('subject', 'Service::"robot"')).toBe(MOST_OPEN.subject);
});

it('W9 so many at most are open on one resource, and what has lapsed unanswered is not counted', async () => {
  const one = await submitted(stack, 'dee', { resource: database('ledger') });
  await stack.query(
    `WITH copied AS (
       INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at)
       SELECT gen_random_uuid(), 'User::"x"', 'User::"x"', state, '', '', 1, request_hash, created_at, expires_at
       FROM access_requests, generate_series(2, $2::int) WHERE id = $1 RETURNING id)
     INSERT INTO request_items SELECT copied.id, item.item, item.resource, item.actions, item.workflow, item.state, item.expires_at,
       item.resolved_at, item.denied_because FROM copied, request_items item WHERE item.request_id = $1`,
    [one.id, MOST_OPEN.resource],
  );
  const error = await errorOf(submit(stack, 'ada', { resource: database('ledger') }));
  expect(error.message).toContain('seen 1000 open requests on Database::"ledger"');
  await stack.query(
    `UPDATE request_items SET expires_at = clock_timestamp() - interval '1 s' WHERE request_id = $1`,
    [one.id],
  );
  await submitted(stack, 'ada', { resource: database('ledger') });
});
