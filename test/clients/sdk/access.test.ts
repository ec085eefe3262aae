import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCurfew, type Curfew } from '../../../clients/sdk/index.ts';
import { AccessError } from '../../../core/access/access-error.ts';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GrantService,
  type RequestAccessRequest,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type AnsweringServer, startAnsweringServer } from '../support/answering-server.ts';

const id = '0b1f2a53-7c57-4a5e-9c0e-2f4f35f5d0a1';
const { PENDING, APPROVED, DENIED } = RequestState;
let server: AnsweringServer;
let curfew: Curfew;

beforeEach(async () => {
  server = await startAnsweringServer({ services: [GrantService] });
  curfew = createCurfew({ grantAddress: server.address });
});

afterEach(() => {
  curfew.close();
  server.close();
});

/** One stream for each call, in order; each sends its states and then ends or fails. */
function watchAnswers(...streams: readonly (RequestState | AccessError)[][]): void {
  let calls = 0;
  server.answer(GrantService, {
    async *watchAccessRequest() {
      for (const step of streams[calls++] ?? []) {
        if (step instanceof AccessError) throw step;
        yield { request: { id, state: step } };
      }
    },
  });
}

describe('requestAccess', () => {
  test('sends what was wished, with a key of its own for each call', async () => {
    server.answer(GrantService, { requestAccess: () => ({ revision: 5n }) });
    const wish = {
      items: [
        { resource: { type: 'Database', id: 'orders' }, actions: ['read', { type: 'Ops::Action', id: 'x' }] },
      ],
      durationMs: 1_500,
      reason: 'ticket',
    };
    expect(await curfew.requestAccess(wish)).toMatchObject({ revision: 5n });
    await curfew.requestAccess(wish);
    const sent = server.received.map(({ request }) => request as RequestAccessRequest); // the only method called
    expect(sent[0]).toMatchObject({
      items: [
        {
          resource: { type: 'Database', id: 'orders' },
          actions: [
            { type: '', id: 'read' },
            { type: 'Ops::Action', id: 'x' },
          ],
        },
      ],
      duration: { seconds: 1n, nanos: 500_000_000 },
      reason: 'ticket',
    });
    expect(new Set(sent.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
  });

  test.each([0, -1, 1.5, Number.NaN])('a duration of %d ms is refused and not sent', async (durationMs) => {
    const wish = { items: [{ resource: { type: 'Database', id: 'orders' }, actions: ['read'] }], durationMs };
    await expect(curfew.requestAccess(wish)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `durationMs: seen ${durationMs}, wanted whole milliseconds, more than 0`,
    });
    expect(server.received).toEqual([]);
  });
});

test('a start that is no instant is refused and not sent', async () => {
  const items = [{ resource: { type: 'Database', id: 'orders' }, actions: ['read'] }];
  await expect(curfew.requestAccess({ items, startsAt: new Date(Number.NaN) })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'startsAt: seen an invalid Date, wanted an instant',
  });
  expect(server.received).toEqual([]);
});

describe('extendAccess', () => {
  test('sends how much longer and why, with a key of its own', async () => {
    server.answer(GrantService, { extendGrant: () => ({ revision: 6n }) });
    const wish = { durationMs: 60_000, reason: 'not done' };
    expect(await curfew.extendAccess(id, wish)).toMatchObject({ revision: 6n });
    const [sent] = server.received.map(({ request }) => request);
    expect(sent).toMatchObject({ id, reason: 'not done', duration: { seconds: 60n } });
    expect(sent).toHaveProperty('idempotencyKey', expect.stringMatching(/^[0-9a-f-]{36}$/));
  });

  test('leaves the duration to the workflow', async () => {
    server.answer(GrantService, { extendGrant: () => ({}) });
    await curfew.extendAccess(id);
    expect(server.received[0]?.request).not.toHaveProperty('duration');
  });

  test('a duration that is none is refused and not sent', async () => {
    await expect(curfew.extendAccess(id, { durationMs: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(server.received).toEqual([]);
  });
});

describe('activateAccess', () => {
  test('answers with the grant as it is now', async () => {
    server.answer(GrantService, { activateGrant: () => ({ grant: { id } }) });
    expect(await curfew.activateAccess(id)).toMatchObject({ id });
  });

  test('an answer without a grant is an error', async () => {
    server.answer(GrantService, { activateGrant: () => ({}) });
    await expect(curfew.activateAccess(id)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('waitForAccess', () => {
  test('answers when the request is decided', async () => {
    watchAnswers([PENDING, APPROVED]);
    expect(await curfew.waitForAccess(id)).toMatchObject({ state: APPROVED });
  });

  test('outlives a service that goes away', async () => {
    watchAnswers([PENDING, new AccessError('NOT_READY', 'starting')], [], [PENDING, DENIED]);
    expect(await curfew.waitForAccess(id)).toMatchObject({ state: DENIED });
    expect(server.received.length).toBe(3);
  });

  test('D16 a state of a later version decides nothing', async () => {
    watchAnswers([99 as RequestState, 0], [DENIED]);
    expect(await curfew.waitForAccess(id)).toMatchObject({ state: DENIED });
  });

  test.each(['REQUEST_NOT_FOUND', 'TOKEN_EXPIRED', 'NOT_PERMITTED', 'FIELD_INVALID'] as const)(
    '%s is an answer, not a reason to ask again',
    async (reason) => {
      watchAnswers([new AccessError(reason, 'no')]);
      await expect(curfew.waitForAccess(id)).rejects.toMatchObject({ reason });
      expect(server.received.length).toBe(1);
    },
  );

  test.each(['while it watches', 'between two watches'])('gives up on a signal %s', async (when) => {
    watchAnswers(when === 'while it watches' ? [PENDING, PENDING] : [PENDING]);
    const stop = new AbortController();
    await expect(async () => {
      for await (const _request of curfew.watchAccess(id, { signal: stop.signal })) stop.abort();
    }).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('ends when the client is closed', async () => {
    watchAnswers([PENDING], [PENDING], [PENDING]);
    await expect(async () => {
      for await (const _request of curfew.watchAccess(id)) curfew.close();
    }).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: 'this client was closed' });
  });

  test('leaving the loop ends the call', async () => {
    let ended = false;
    server.answer(GrantService, {
      async *watchAccessRequest() {
        try {
          for (;;) {
            await nextTurn();
            yield { request: { id, state: PENDING } };
          }
        } finally {
          ended = true;
        }
      },
    });
    for await (const request of curfew.watchAccess(id)) {
      expect(request.state).toBe(PENDING);
      break;
    }
    await expect.poll(() => ended).toBe(true);
  });
});
