import { createServer } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Code, ConnectError, createClient, type Client } from '@connectrpc/connect';
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Curfew } from '../../../../clients/sdk/index.ts';
import { type ConnectRequest, requireAccess } from '../../../../clients/sdk/middleware/connect.ts';
import {
  AuthorizeResponseSchema,
  Effect,
} from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { denied, notMade, readQuestion, startDeciding, startUndecided } from './deciding.ts';

interface Guarded {
  readonly client: Client<typeof GrantService>;
  readonly runs: () => number;
}

/** Any service will do; the database asked about is in a header. */
async function start(
  curfew: Curfew,
  questionOf: (request: ConnectRequest) => ReturnType<typeof readQuestion> = ({ header }) =>
    readQuestion(header.get('database') ?? ''),
): Promise<Guarded> {
  let runs = 0;
  const handler = connectNodeAdapter({
    interceptors: [requireAccess(curfew, questionOf)],
    routes: ({ service }) =>
      void service(GrantService, {
        getGrant() {
          runs += 1;
          return {};
        },
        async *watchAccessRequest() {
          runs += 1;
          yield {};
        },
      }),
  });
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${port}`,
    idleConnectionTimeoutMs: 100,
  });
  onTestFinished(() => void server.close());
  return { client: createClient(GrantService, transport), runs: () => runs };
}

const calls = {
  unary: async ({ client }: Guarded, headers: Record<string, string>) =>
    void (await client.getGrant({}, { headers })),
  'server streaming': async ({ client }: Guarded, headers: Record<string, string>) => {
    for await (const answer of client.watchAccessRequest({}, { headers })) expect(answer).toBeDefined();
  },
};

async function errorOf(call: Promise<void>): Promise<ConnectError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error);
  }
}

describe.for(Object.entries(calls))('a %s method', ([, call]) => {
  test('an ALLOW runs the handler', async () => {
    const guarded = await start(await startDeciding());
    expect([await errorOf(call(guarded, { database: 'orders' })), guarded.runs()]).toEqual([undefined, 1]);
  });

  test('a DENY is PERMISSION_DENIED with how to get access', async () => {
    const guarded = await start(await startDeciding());
    const error = await errorOf(call(guarded, { database: 'secrets' }));
    expect([error?.code, guarded.runs()]).toEqual([Code.PermissionDenied, 0]);
    expect(error?.rawMessage).toContain(denied.command);
    const [answer] = error?.findDetails(AuthorizeResponseSchema) ?? [];
    expect(answer).toMatchObject({ effect: Effect.DENY, decisionId: 'd1', advice: denied.advice });
    expect(answer?.accessOptions).toMatchObject([{ workflow: denied.workflow }]);
    expect(answer?.policyIds).toEqual([]);
  });

  test('D16 no decision is UNAVAILABLE and says nothing of the network', async () => {
    for (const curfew of [await startDeciding(), startUndecided()]) {
      const guarded = await start(curfew);
      const error = await errorOf(call(guarded, { database: 'stale' }));
      expect([error?.code, guarded.runs()]).toEqual([Code.Unavailable, 0]);
      expect(error?.message).not.toMatch(/127\.0\.0\.1|ledger/);
    }
  });

  test('D16 a question that is not made runs no handler', async () => {
    for (const thrown of notMade) {
      const guarded = await start(await startDeciding(), () => {
        throw thrown;
      });
      const error = await errorOf(call(guarded, { database: 'orders' }));
      expect([error === undefined, guarded.runs()]).toEqual([false, 0]);
    }
    const guarded = await start(await startDeciding(), () => {
      throw new ConnectError('sign in', Code.Unauthenticated);
    });
    expect(await errorOf(call(guarded, {}))).toMatchObject({ code: Code.Unauthenticated });
    expect(guarded.runs()).toBe(0);
  });
});
