import { Duplex } from 'node:stream';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  type ServerDuplexStream,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Curfew } from '../../../../clients/sdk/index.ts';
import { type GrpcRequest, requireAccess } from '../../../../clients/sdk/middleware/grpc.ts';
import {
  AuthorizeResponseSchema,
  Effect,
} from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { StatusSchema } from '../../../../proto/gen/google/rpc/status_pb.ts';
import { denied, notMade, readQuestion, startDeciding, startUndecided } from './deciding.ts';

const kinds = ['unary', 'server streaming', 'client streaming', 'bidirectional'] as const;
type Kind = (typeof kinds)[number];

const utf8 = (text: string): Buffer => Buffer.from(text);
const fromUtf8 = (bytes: Buffer): string => bytes.toString();

function methodOf(kind: Kind): MethodDefinition<string, string> {
  return {
    path: `/acme.Orders/${kind.replaceAll(' ', '')}`,
    requestStream: kind === 'client streaming' || kind === 'bidirectional',
    responseStream: kind === 'server streaming' || kind === 'bidirectional',
    requestSerialize: utf8,
    requestDeserialize: fromUtf8,
    responseSerialize: utf8,
    responseDeserialize: fromUtf8,
  };
}

interface Guarded {
  readonly client: Client;
  readonly runs: () => number;
}

async function start(
  curfew: Curfew,
  questionOf: (request: GrpcRequest) => ReturnType<typeof readQuestion> = (request) =>
    readQuestion(String(request.metadata.get('database')[0] ?? request.message)),
): Promise<Guarded> {
  let runs = 0;
  const handlers: Record<Kind, UntypedHandleCall> = {
    unary: (_call: object, done: (error: null, answer: string) => void) => {
      runs += 1;
      done(null, 'rows');
    },
    'server streaming': (call: ServerWritableStream<string, string>) => {
      runs += 1;
      call.write('rows');
      call.end();
    },
    'client streaming': (_call: object, done: (error: null, answer: string) => void) => {
      runs += 1;
      done(null, 'rows');
    },
    bidirectional: (call: ServerDuplexStream<string, string>) => {
      runs += 1;
      call.write('rows');
      call.end();
    },
  };
  const isPublic = (path: string): boolean => path.startsWith('/grpc.health.v1.Health/');
  const server = new Server({ interceptors: [requireAccess(curfew, questionOf, { isPublic })] });
  server.addService(Object.fromEntries(kinds.map((kind) => [kind, methodOf(kind)])), handlers);
  server.addService(
    { check: { ...methodOf('unary'), path: '/grpc.health.v1.Health/Check' } },
    { check: handlers.unary },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  const client = new Client(`127.0.0.1:${await promise}`, credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    server.forceShutdown();
  });
  return { client, runs: () => runs };
}

/** The error of a call about a database; undefined when it was answered. */
async function call({ client }: Guarded, kind: Kind, database: string): Promise<ServiceError | undefined> {
  const { path, requestStream, responseStream } = methodOf(kind);
  const { promise, resolve } = Promise.withResolvers<ServiceError | undefined>();
  const done = (error: ServiceError | null): void => resolve(error ?? undefined);
  const metadata = new Metadata();
  if (requestStream) metadata.set('database', database);
  if (!requestStream && !responseStream) {
    client.makeUnaryRequest(path, utf8, fromUtf8, database, metadata, done);
  } else if (!responseStream) {
    client.makeClientStreamRequest(path, utf8, fromUtf8, metadata, done).end(database);
  } else {
    const stream = requestStream
      ? client.makeBidiStreamRequest(path, utf8, fromUtf8, metadata)
      : client.makeServerStreamRequest(path, utf8, fromUtf8, database, metadata);
    if (stream instanceof Duplex) stream.end();
    stream.on('data', () => undefined);
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('end', () => resolve(undefined));
  }
  return await promise;
}

describe.for(kinds)('a %s method', (kind) => {
  test('an ALLOW runs the handler', async () => {
    const guarded = await start(await startDeciding());
    expect([await call(guarded, kind, 'orders'), guarded.runs()]).toEqual([undefined, 1]);
  });

  test('a DENY is PERMISSION_DENIED with how to get access', async () => {
    const guarded = await start(await startDeciding());
    const error = await call(guarded, kind, 'secrets');
    expect([error?.code, guarded.runs()]).toEqual([status.PERMISSION_DENIED, 0]);
    expect(error?.details).toContain(denied.command);
    const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
    const { details } = fromBinary(StatusSchema, bytes as Buffer); // of a -bin header
    const answer = details[0] === undefined ? undefined : anyUnpack(details[0], AuthorizeResponseSchema);
    expect(answer).toMatchObject({ effect: Effect.DENY, decisionId: 'd1', advice: denied.advice });
    expect(answer?.accessOptions).toMatchObject([{ workflow: denied.workflow }]);
    expect(answer?.policyIds).toEqual([]);
  });

  test('D16 no decision is UNAVAILABLE and says nothing of the network', async () => {
    for (const curfew of [await startDeciding(), startUndecided()]) {
      const guarded = await start(curfew);
      const error = await call(guarded, kind, 'stale');
      expect([error?.code, guarded.runs()]).toEqual([status.UNAVAILABLE, 0]);
      expect(error?.details).not.toMatch(/127\.0\.0\.1|ledger/);
    }
  });

  test('D16 a question that is not made is INTERNAL, or the status it was thrown with', async () => {
    for (const thrown of [...notMade, { code: 0 }, { code: 'x' }]) {
      const guarded = await start(await startDeciding(), () => {
        throw thrown;
      });
      const error = await call(guarded, kind, 'orders');
      expect([error?.code, guarded.runs()]).toEqual([status.INTERNAL, 0]);
    }
    const guarded = await start(await startDeciding(), () => {
      throw Object.assign(new Error('sign in'), { code: status.UNAUTHENTICATED, details: 'sign in' });
    });
    expect(await call(guarded, kind, 'orders')).toMatchObject({ code: 16, details: 'sign in' });
    expect(guarded.runs()).toBe(0);
  });
});

test('what is public is not asked about', async () => {
  const guarded = await start(startUndecided());
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
  guarded.client.makeUnaryRequest('/grpc.health.v1.Health/Check', utf8, fromUtf8, 'x', resolve);
  expect([await promise, guarded.runs()]).toEqual([null, 1]);
});
