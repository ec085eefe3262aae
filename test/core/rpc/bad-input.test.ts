import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { route } from '../../../core/rpc/route.ts';
import { fromProtoContext, fromProtoEntity } from '../../../core/rpc/values.ts';
import {
  AuthorizeRequestSchema,
  DecisionService,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { DirectoryService } from '../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type Value, ValueSchema } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { connect, encode, refusalOf, type TestClient } from './test-client.ts';
import { frame, sendRaw } from './test-connection.ts';
import { createKey, createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { decisionRoute, grantRoute, startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const { applyEntities } = DirectoryService.method;
const authorizePath = '/curfew.decision.v1.DecisionService/Authorize';

let issuer: TestIssuer;
let started: TestServer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await createTestIssuer();
  const decision = decisionRoute({
    authorize: async ({ context }, { requestBytes }) => {
      fromProtoContext(context, 'context');
      return { effect: Effect.ALLOW, revision: BigInt(requestBytes) };
    },
  });
  const grant = grantRoute({});
  const directory = route(DirectoryService, {
    applyEntities: async ({ entities }) => {
      entities.map((entity, index) => fromProtoEntity(entity, `entities[${index}]`));
      return {};
    },
    deleteEntities: async () => ({}),
    getEntity: async () => ({}),
    listEntities: async () => ({}),
  });
  started = await startServer(issuer, { routes: [decision, grant, directory] });
  client = connect(started.port);
  token = await issuer.token();
});

afterAll(async () => {
  client.close();
  await started.server.close();
  await issuer.remove();
});

async function expectGoodCall(): Promise<void> {
  expect((await client.unary(authorize, {}, { token })).effect).toBe(Effect.ALLOW);
}

describe('credentials', () => {
  test('a call without a token is refused, saying what is wanted', async () => {
    expect(await refusalOf(client.unary(authorize, {}))).toEqual({
      code: Code.UNAUTHENTICATED,
      message:
        'seen no credentials, wanted the header "authorization: Bearer <token>" or a client certificate',
      reason: 'CREDENTIALS_MISSING',
      domain: 'curfew',
      metadata: {},
      violations: [],
    });
    await expectGoodCall();
  });

  test('N1 a forged token is refused', async () => {
    const forged = await issuer.token({ key: await createKey('ES256', 'es') });
    const refusal = await refusalOf(client.unary(authorize, {}, { token: forged }));
    expect(refusal).toMatchObject({ code: Code.UNAUTHENTICATED, reason: 'TOKEN_INVALID', domain: 'curfew' });
    await expectGoodCall();
  });

  test('N2 an expired token is refused', async () => {
    const expired = await issuer.token({ claims: { exp: 1_700_000_000 } });
    const refusal = await refusalOf(client.unary(authorize, {}, { token: expired }));
    expect(refusal).toMatchObject({ code: Code.UNAUTHENTICATED, reason: 'TOKEN_EXPIRED' });
    await expectGoodCall();
  });

  test('a caller without credentials is refused before the body is read', async () => {
    const session = connectHttp2(`http://127.0.0.1:${started.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': authorizePath,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const [headers] = await once(stream, 'response'); // the body is never sent, nor its end
    expect(headers).toMatchObject({ 'grpc-status': String(Code.UNAUTHENTICATED) });
    session.destroy();
  });

  test('two tokens in one header are refused', async () => {
    const headers = { authorization: `Bearer ${token}, Bearer ${token}` };
    const answer = await sendRaw({
      port: started.port,
      path: authorizePath,
      headers,
      body: frame(Buffer.alloc(0)),
    });
    expect(answer.code).toBe(Code.UNAUTHENTICATED);
  });

  test('every method but health and reflection needs credentials', async () => {
    const services = [DecisionService, GrantService];
    for (const method of services.flatMap(({ methods }) => methods)) {
      if (method.methodKind === 'unary') {
        expect((await refusalOf(client.unary(method, Buffer.alloc(0)))).reason).toBe('CREDENTIALS_MISSING');
      }
    }
  });
});

describe('messages', () => {
  const sendBody = (body: Buffer, headers: Readonly<Record<string, string>> = {}) => {
    const all = { authorization: `Bearer ${token}`, ...headers };
    return sendRaw({ port: started.port, path: authorizePath, headers: all, body });
  };

  const malformed: readonly [string, Buffer][] = [
    ['a length beyond the end', Buffer.from([0x0a, 0xff])],
    ['a field number of zero', Buffer.from([0x00, 0x01])],
    ['a wire type that does not exist', Buffer.from([0x0f])],
    ['an end of a group that never began', Buffer.from([0x0c])],
    ['a varint without end', Buffer.alloc(11, 0xff)],
    ['random bytes', Buffer.from('f3a9c1004e7d', 'hex')],
    ['JSON', Buffer.from('{"principal":{"type":"User","id":"ada"}}')],
    // use_id is field 9, a string: invalid UTF-8, then a lone surrogate as CESU-8 would write it
    ['a string that is no UTF-8', Buffer.from([0x4a, 0x02, 0xc3, 0x28])],
    ['a string with a lone surrogate', Buffer.from([0x4a, 0x03, 0xed, 0xa0, 0x80])],
    ['a string with an overlong slash', Buffer.from([0x4a, 0x02, 0xc0, 0xaf])],
    ['a map key that is no UTF-8', Buffer.from([0x22, 0x04, 0x0a, 0x02, 0xc3, 0x28])],
    ['a field of another wire type', Buffer.from([0x48, 0x01])],
    ['groups 5,000 deep', Buffer.alloc(5_000, 0x7b)],
  ];
  test.each(malformed)('%s is an INVALID_ARGUMENT and the next call works', async (_case, bytes) => {
    const refusal = await refusalOf(client.unary(authorize, bytes, { token }));
    expect(refusal).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID', domain: 'curfew' });
    expect(refusal.message).toContain('no well-formed curfew.decision.v1.AuthorizeRequest');
    await expectGoodCall();
  });

  test('a message of 5 MB is refused naming the limit, and the next call works', async () => {
    const refusal = await refusalOf(client.unary(authorize, { useId: 'x'.repeat(5_000_000) }, { token }));
    expect(refusal).toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      reason: 'TOO_MUCH',
      domain: 'curfew',
      metadata: { limit: '1048576', unit: 'bytes' },
    });
    expect(refusal.message).toContain('1048576 bytes');
    await expectGoodCall();
  });

  test('a message of exactly 1 MiB is taken, one byte more is not', async () => {
    const overhead = encode(AuthorizeRequestSchema, { useId: 'x'.repeat(1_000_000) }).byteLength - 1_000_000;
    const largest = { useId: 'x'.repeat(1_048_576 - overhead) };
    expect((await client.unary(authorize, largest, { token })).revision).toBe(1_048_576n);
    const refusal = await refusalOf(client.unary(authorize, { useId: `${largest.useId}x` }, { token }));
    expect(refusal.reason).toBe('TOO_MUCH');
  });

  const tenMegabytes = gzipSync(Buffer.alloc(10_000_000));
  const bombs: readonly [string, Buffer, number][] = [
    ['10 KB that grow to 10 MB', tenMegabytes, 20],
    ['1 MB that grow to 1 GB', Buffer.concat(Array.from({ length: 100 }, () => tenMegabytes)), 5],
  ];
  test.each(bombs)('D19 compressed bombs of %s are cut at the limit', async (_case, bomb, atOnce) => {
    const body = frame(bomb, { isCompressed: true });
    const send = async () => await sendBody(body, { 'grpc-encoding': 'gzip' });
    await send();
    const before = process.resourceUsage().maxRSS;
    for (const answer of await Promise.all(Array.from({ length: atOnce }, send))) {
      expect(answer.code).toBe(Code.RESOURCE_EXHAUSTED);
      expect(answer.message).toContain('1048576 bytes');
    }
    expect((process.resourceUsage().maxRSS - before) * 1_024).toBeLessThan(32_000_000);
    await expectGoodCall();
  });

  test('D19 a message larger than the limit is refused, and the next good call works', async () => {
    const before = process.resourceUsage().maxRSS;
    const answer = await sendBody(frame(Buffer.alloc(8_000_000)));
    expect(answer.code).toBe(Code.RESOURCE_EXHAUSTED);
    expect((process.resourceUsage().maxRSS - before) * 1_024).toBeLessThan(48_000_000); // 16 are the test's own
    await expectGoodCall();
  });

  test('a body that is not compressed as it says is an INVALID_ARGUMENT', async () => {
    const body = frame(Buffer.from('no gzip at all'), { isCompressed: true });
    const answer = await sendBody(body, { 'grpc-encoding': 'gzip' });
    expect(answer.code).toBe(Code.INVALID_ARGUMENT);
    await expectGoodCall();
  });

  test('a message that says it is 4 GB long is refused at once', async () => {
    const body = frame(Buffer.alloc(10), { length: 4_294_967_295 });
    const answer = await sendBody(body);
    expect(answer.code).toBe(Code.RESOURCE_EXHAUSTED);
  });

  test('a body that ends within a message is refused', async () => {
    const body = frame(Buffer.alloc(10), { length: 100 });
    const answer = await sendBody(body);
    expect(answer.code).toBe(Code.UNIMPLEMENTED);
    await expectGoodCall();
  });

  test('unknown fields are passed over', async () => {
    const unknown = Buffer.from([0xf8, 0x7f, 0x01]);
    expect((await client.unary(authorize, unknown, { token })).effect).toBe(Effect.ALLOW);
  });
});

describe('nesting', () => {
  /** Records and sets by turns, the scalar innermost. */
  function nested(levels: number): Value {
    let value = create(ValueSchema, { kind: { case: 'boolValue', value: true } });
    for (let level = 1; level < levels; level += 1) {
      const inner: Value = value;
      value = create(ValueSchema, {
        kind:
          level % 2 === 0
            ? { case: 'setValue', value: { values: [inner] } }
            : { case: 'recordValue', value: { fields: { a: inner } } },
      });
    }
    return value;
  }

  test('a value of 16 levels is taken', async () => {
    const response = await client.unary(authorize, { context: { deep: nested(16) } }, { token });
    expect(response.effect).toBe(Effect.ALLOW);
  });

  test.each([17, 200, 300])('a value of %i levels is refused naming its path', async (levels) => {
    const refusal = await refusalOf(
      client.unary(authorize, { context: { deep: nested(levels) } }, { token }),
    );
    expect(refusal).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID' });
    expect(refusal.violations[0]?.field).toMatch(/^context\["deep"\]/);
    expect(refusal.violations[0]?.description).toContain('16 levels');
    await expectGoodCall();
  });

  test('a value of 300 levels goes through the check of rules unharmed', async () => {
    const entities = [{ uid: { type: 'User', id: 'ada' }, attributes: { deep: nested(300) } }];
    const refusal = await refusalOf(client.unary(applyEntities, { entities }, { token }));
    expect(refusal).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID' });
    expect(refusal.violations[0]?.description).toContain('16 levels');
  });

  test('a value of 100,000 levels is refused without a stack overflow', async () => {
    // Value { set_value { values: … } } from the inside out: tag 0x2a length, tag 0x0a length.
    const heads: Buffer[] = [];
    let sizeBytes = 0;
    for (let level = 0; level < 100_000; level += 1) {
      for (const tag of [0x0a, 0x2a]) {
        const head = Buffer.concat([Buffer.from([tag]), varint(sizeBytes)]);
        heads.push(head);
        sizeBytes += head.byteLength;
      }
    }
    const body = Buffer.concat(heads.toReversed());
    const entry = Buffer.concat([Buffer.from([0x0a, 0x01, 0x61, 0x12]), varint(body.byteLength), body]);
    const request = Buffer.concat([Buffer.from([0x22]), varint(entry.byteLength), entry]);
    const refusal = await refusalOf(client.unary(authorize, request, { token }));
    expect(refusal).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID' });
    expect(refusal.message).toContain('maximum recursion depth');
    await expectGoodCall();
  });

  function varint(value: number): Buffer {
    const bytes: number[] = [];
    let rest = value;
    while (rest > 0x7f) {
      bytes.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return Buffer.from([...bytes, rest]);
  }
});
