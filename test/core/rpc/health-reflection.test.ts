import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type ClientDuplexStream, status as Code, type ServiceError } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { connect, readRefusal, type TestClient } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { decisionRoute, grantRoute, startServer, type TestServer } from './test-server.ts';

let issuer: TestIssuer;
let started: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await createTestIssuer();
  started = await startServer(issuer, { routes: [decisionRoute(), grantRoute({})] });
  client = connect(started.port);
});

afterAll(async () => {
  client.close();
  await started.server.close();
  await issuer.remove();
});

interface HealthAnswer {
  readonly status: string;
}

async function check(service: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? expect.unreachable();
  const { promise, resolve } = Promise.withResolvers<string>();
  client.raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, response) => {
    const answer = response as HealthAnswer | undefined; // the library's message
    resolve(error === null ? (answer?.status ?? '') : Code[error.code]);
  });
  return await promise;
}

function watch(service: string, by: TestClient = client) {
  const { path, requestSerialize, responseDeserialize } = healthService['Watch'] ?? expect.unreachable();
  return by.raw.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
}

describe('health', () => {
  test('nothing serves before it says so, and needs no credentials to be asked', async () => {
    expect(await check('')).toBe('NOT_SERVING');
    expect(await check('curfew.decision.v1.DecisionService')).toBe('NOT_SERVING');
    expect(await check('curfew.decision.grants')).toBe('NOT_FOUND');
  });

  test('each name has its own state', async () => {
    started.server.setServing('curfew.decision.v1.DecisionService', true);
    started.server.setServing('curfew.decision.grants', false);
    expect(await check('curfew.decision.v1.DecisionService')).toBe('SERVING');
    expect(await check('curfew.decision.grants')).toBe('NOT_SERVING');
    started.server.setServing('curfew.decision.grants', true);
    expect(await check('curfew.decision.grants')).toBe('SERVING');
  });

  test('a watcher hears of a change', async () => {
    started.server.setServing('watched', true);
    const stream = watch('watched');
    stream.on('error', () => undefined); // cancelled below
    expect(await once(stream, 'data')).toEqual([{ status: 'SERVING' }]);
    started.server.setServing('watched', false);
    expect(await once(stream, 'data')).toEqual([{ status: 'NOT_SERVING' }]);
    stream.cancel();
  });

  test('a watcher of a name that nobody set is told so', async () => {
    const stream = watch('unheard of');
    stream.on('error', () => undefined); // cancelled below
    expect(await once(stream, 'data')).toEqual([{ status: 'SERVICE_UNKNOWN' }]);
    stream.cancel();
  });

  test('a server that stops serving says so whatever is set, and still answers', async () => {
    const other = await startServer(issuer);
    const otherClient = connect(other.port);
    other.server.setServing('', true);
    const stream = watch('', otherClient);
    expect(await once(stream, 'data')).toEqual([{ status: 'SERVING' }]);
    other.server.stopServing();
    expect(await once(stream, 'data')).toEqual([{ status: 'NOT_SERVING' }]);
    other.server.setServing('', true);
    expect(await once(watch('', otherClient), 'data')).toEqual([{ status: 'NOT_SERVING' }]);
    const { authorize } = DecisionService.method;
    await otherClient.unary(authorize, {}, { token: await issuer.token() });
    await other.server.close();
    otherClient.close();
  });

  test('a server that closes is not serving, and lets its watchers go', async () => {
    const other = await startServer(issuer);
    const otherClient = connect(other.port);
    other.server.setServing('', true);
    const stream = watch('', otherClient);
    const seen: unknown[] = [];
    stream.on('data', (answer: HealthAnswer) => {
      seen.push(answer.status);
      if (seen.length === 1) {
        void other.server.close(); // the end of the stream is what the test waits for
      }
    });
    await once(stream, 'end');
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
    otherClient.close();
  });
});

describe('reflection', () => {
  const run = promisify(execFile);

  test('buf curl lists services and methods and calls one by reflection alone', async () => {
    const address = `http://127.0.0.1:${started.port}`;
    const curl = async (...args: string[]): Promise<string> => {
      const all = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args];
      return (await run('node_modules/.bin/buf', all)).stdout;
    };
    expect((await curl('--list-services', address)).trim().split('\n')).toEqual([
      'curfew.decision.v1.DecisionService',
      'curfew.grant.v1.GrantService',
    ]);
    const methods = await curl('--list-methods', address);
    expect(methods).toContain('curfew.grant.v1.GrantService/RequestAccess');
    const token = await issuer.token();
    const call = `${address}/curfew.decision.v1.DecisionService/Authorize`;
    const answer = await curl('-H', `authorization: Bearer ${token}`, '-d', '{"useId":"u1"}', call);
    expect(JSON.parse(answer)).toMatchObject({ effect: 'EFFECT_ALLOW', decisionId: 'User/ada' });
  }, 20_000);

  interface Answer {
    readonly files: readonly string[];
    readonly services: readonly string[];
    readonly extensionNumbers: readonly number[];
    readonly errorCode: number;
  }

  /** A question of the oneof by field number, as bytes, and its answer. */
  async function ask(version: string, question: Uint8Array): Promise<Answer> {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const asIs = (bytes: Buffer): Buffer => bytes;
    const stream: ClientDuplexStream<Buffer, Buffer> = client.raw.makeBidiStreamRequest(path, asIs, asIs);
    stream.write(Buffer.from(question));
    const [bytes] = (await once(stream, 'data')) as [Buffer]; // asIs
    stream.end();
    await once(stream, 'end');
    return readAnswer(bytes);
  }

  const text = (field: number, value: string): Uint8Array =>
    new BinaryWriter().tag(field, WireType.LengthDelimited).string(value).finish();

  function readAnswer(bytes: Uint8Array): Answer {
    const answer = {
      files: [] as string[],
      services: [] as string[],
      extensionNumbers: [] as number[],
      errorCode: 0,
    };
    each(bytes, (field, reader) => {
      const inner = reader.bytes();
      each(inner, (innerField, innerReader, wireType) => {
        if (field === 4) {
          answer.files.push(fromBinary(FileDescriptorProtoSchema, innerReader.bytes()).name);
        } else if (field === 6) {
          each(innerReader.bytes(), (_, service) => answer.services.push(service.string()));
        } else if (field === 5 && innerField === 2) {
          answer.extensionNumbers.push(innerReader.int32());
        } else if (field === 7 && innerField === 1) {
          answer.errorCode = innerReader.int32();
        } else {
          innerReader.skip(wireType);
        }
      });
    });
    return answer;
  }

  function each(
    bytes: Uint8Array,
    read: (field: number, reader: BinaryReader, type: WireType) => void,
  ): void {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      read(field, reader, type);
    }
  }

  test.each(['v1', 'v1alpha'])('%s lists the services', async (version) => {
    expect((await ask(version, text(7, '*'))).services).toEqual([
      'curfew.decision.v1.DecisionService',
      'curfew.grant.v1.GrantService',
    ]);
  });

  test.each([
    'curfew.decision.v1.DecisionService',
    'curfew.decision.v1.DecisionService.Authorize',
    'curfew.decision.v1.AuthorizeRequest',
    'curfew.decision.v1.Effect',
  ])('the symbol %s is found with all that its file imports', async (symbol) => {
    const { files } = await ask('v1', text(4, symbol));
    expect(files[0]).toBe('curfew/decision/v1/decision_service.proto');
    expect(files).toContain('curfew/type/v1/entity.proto');
    expect(files).toContain('google/protobuf/duration.proto');
  });

  test('a file is found by its name, and so are the files of rules', async () => {
    expect((await ask('v1', text(3, 'curfew/grant/v1/grant_service.proto'))).files).toContain(
      'buf/validate/validate.proto',
    );
    expect((await ask('v1', text(3, 'buf/validate/validate.proto'))).files).toContain(
      'google/protobuf/descriptor.proto',
    );
  });

  test('an extension is found by the type it extends and its number', async () => {
    const extension = new BinaryWriter().tag(5, WireType.LengthDelimited).fork();
    extension.tag(1, WireType.LengthDelimited).string('google.protobuf.FieldOptions');
    extension.tag(2, WireType.Varint).int32(1159);
    expect((await ask('v1', extension.join().finish())).files[0]).toBe('buf/validate/validate.proto');
    expect((await ask('v1', text(6, 'google.protobuf.FieldOptions'))).extensionNumbers).toContain(1159);
  });

  test.each([
    ['a symbol', text(4, 'curfew.Nothing')],
    ['a symbol without a package', text(4, 'Nothing')],
    ['an empty symbol', text(4, '')],
    ['a file', text(3, '../../etc/passwd')],
    ['nothing', new Uint8Array()],
  ])('%s that does not exist is NOT_FOUND', async (_case, question) => {
    expect((await ask('v1', question)).errorCode).toBe(Code.NOT_FOUND);
  });

  test('a malformed question is an INVALID_ARGUMENT', async () => {
    const asIs = (bytes: Buffer): Buffer => bytes;
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream: ClientDuplexStream<Buffer, Buffer> = client.raw.makeBidiStreamRequest(path, asIs, asIs);
    stream.write(Buffer.from([0x22, 0xff]));
    stream.resume();
    const [error] = (await once(stream, 'error')) as [ServiceError]; // grpc-js emits nothing else
    expect(readRefusal(error)).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID' });
  });
});
