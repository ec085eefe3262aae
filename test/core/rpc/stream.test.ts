import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Handlers } from '../../../core/rpc/route.ts';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GrantService,
  WatchAccessRequestRequestSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { encode, endOf, readRefusal } from './test-client.ts';
import { frame } from './test-connection.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { collectLogs, createStage, grantRoute } from './test-server.ts';

const { watchAccessRequest, getGrant } = GrantService.method;
const id = '0198c0de-0000-7000-8000-000000000001';

type GrantHandlers = Partial<Handlers<typeof GrantService>>;

let issuer: TestIssuer;
let token: string;
const { serve, started, clear } = createStage(() => issuer);

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
});

afterEach(clear);

afterAll(() => issuer.remove());

describe('streams', () => {
  test('every message arrives, in order, and then the end', async () => {
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        for (const state of [RequestState.PENDING, RequestState.APPROVED]) {
          yield { request: { id, state } };
        }
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const states: unknown[] = [];
    for await (const response of calls.stream(watchAccessRequest, { id }, { token })) {
      states.push(response.request?.state);
    }
    expect(states).toEqual([RequestState.PENDING, RequestState.APPROVED]);
  });

  test('a client that cancels ends the handler', async () => {
    const ended = Promise.withResolvers<boolean>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest(_request, { signal }) {
        try {
          yield { request: { id } };
          await once(signal, 'abort');
        } finally {
          ended.resolve(signal.aborted);
        }
      },
    };
    const { logger, lines } = collectLogs();
    const calls = await serve({ logger, routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    await once(stream, 'data');
    stream.cancel();
    expect((await endOf(stream)).code).toBe(Code.CANCELLED);
    expect(await ended.promise).toBe(true);
    expect(lines()).toEqual([]);
  });

  test('a connection that breaks ends the handler', async () => {
    const ended = Promise.withResolvers<boolean>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest(_request, { signal }) {
        yield { request: { id } };
        await once(signal, 'abort');
        ended.resolve(signal.aborted);
      },
    };
    await serve({ routes: [grantRoute(handlers)] });
    const session = connectHttp2(`http://127.0.0.1:${started().port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/curfew.grant.v1.GrantService/WatchAccessRequest',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    });
    stream.end(frame(encode(WatchAccessRequestRequestSchema, { id })));
    await once(stream, 'data');
    session.destroy();
    expect(await ended.promise).toBe(true);
  });

  test('a client that does not read holds the handler back', async () => {
    let produced = 0;
    const ended = Promise.withResolvers<void>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        try {
          for (; produced < 10_000; produced += 1) {
            yield { request: { id, reason: 'x'.repeat(10_000) } };
          }
        } finally {
          ended.resolve();
        }
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    stream.on('error', () => undefined); // cancelled below
    await once(stream, 'readable');
    let before = -1;
    while (before !== produced) {
      before = produced;
      await calls.unary(getGrant, {}, { token }).catch(() => undefined); // a round trip later
    }
    expect(produced).toBeLessThan(1_000);
    stream.cancel();
    await ended.promise;
  });

  test('a client that does not read for long is cut, and its connection is not', async () => {
    const ended = Promise.withResolvers<boolean>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest(_request, { signal }) {
        try {
          for (;;) yield { request: { id, reason: 'x'.repeat(10_000) } };
        } finally {
          ended.resolve(signal.aborted);
        }
      },
    };
    const calls = await serve({ limits: { maxUnreadMs: 200 }, routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    await once(stream, 'readable');
    expect(await ended.promise).toBe(true);
    expect((await endOf(stream)).code).toBe(Code.RESOURCE_EXHAUSTED);
    const { code } = readRefusal(await calls.unary(getGrant, {}, { token }).catch((error) => error));
    expect(code).toBe(Code.INVALID_ARGUMENT);
  });

  test('a client that reads slowly is not cut', async () => {
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        for (let sent = 0; sent < 30; sent += 1) yield { request: { id, reason: 'x'.repeat(10_000) } };
      },
    };
    const calls = await serve({ limits: { maxUnreadMs: 2_000 }, routes: [grantRoute(handlers)] });
    let received = 0;
    for await (const _ of calls.stream(watchAccessRequest, { id }, { token })) {
      received += 1;
      await setTimeout(10);
    }
    expect(received).toBe(30);
  });

  test('an error after messages keeps its reason', async () => {
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        yield { request: { id } };
        throw new AccessError('REQUEST_NOT_FOUND', 'no such request');
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const refusal = readRefusal(await endOf(calls.stream(watchAccessRequest, { id }, { token })));
    expect(refusal).toMatchObject({
      code: Code.NOT_FOUND,
      reason: 'REQUEST_NOT_FOUND',
      message: 'no such request',
    });
  });

  test('a stream without credentials or against the rules never starts', async () => {
    let starts = 0;
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        starts += 1;
        yield {};
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const anonymous = readRefusal(await endOf(calls.stream(watchAccessRequest, { id })));
    expect(anonymous.reason).toBe('CREDENTIALS_MISSING');
    const malformed = readRefusal(await endOf(calls.stream(watchAccessRequest, { id: 'x' }, { token })));
    expect(malformed.violations).toEqual([
      { field: 'id', description: 'seen "x", wanted: must be a valid UUID' },
    ]);
    expect(starts).toBe(0);
  });
});
