import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AuthorizeRequestSchema,
  DecisionService,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { ValueSchema } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { encode, refusalOf } from '../../core/rpc/test-client.ts';
import { frame, sendRaw } from '../../core/rpc/test-connection.ts';
import { bool, person, robot, vault } from './people.ts';
import { attributes, entity, goodContext, sheet, team, text } from './people.ts';
import { createScene, type Scene, wireQuestion } from './scene.ts';

type ProtoValue = MessageInitShape<typeof ValueSchema>;
type Request = MessageInitShape<typeof AuthorizeRequestSchema>;

let scene: Scene;

beforeAll(async () => {
  scene = await createScene();
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

const door = robot('door');
const kim = person('kim');
const method = DecisionService.method.authorize;
const good = wireQuestion({ principal: kim });

const withContext = (context: Readonly<Record<string, ProtoValue>>): Request => ({
  ...good,
  context: { ...good.context, ...context } as NonNullable<Request['context']>, // init shapes of values are values
});
const string = (value: string): ProtoValue => ({ kind: { case: 'stringValue', value } });
const record = (fields: Record<string, ProtoValue>): ProtoValue => ({
  kind: { case: 'recordValue', value: { fields: fields as never } }, // likewise
});

function nested(depth: number): ProtoValue {
  let value = string('x');
  for (let level = 0; level < depth; level += 1)
    value = { kind: { case: 'setValue', value: { values: [value] } } };
  return value;
}

/** As bytes, because no encoder goes that deep: a set in a set and so on, as `context.note`. */
function nestedBytes(depth: number): Buffer {
  let value: Uint8Array = new BinaryWriter().tag(3, WireType.LengthDelimited).string('x').finish();
  for (let level = 0; level < depth; level += 1) {
    const members = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(value).finish();
    value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(members).finish();
  }
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('note');
  const note = entry.tag(2, WireType.LengthDelimited).bytes(value).finish();
  return Buffer.concat([
    encodedGood(),
    new BinaryWriter().tag(4, WireType.LengthDelimited).bytes(note).finish(),
  ]);
}

/** A string field of the message in bytes that are no UTF-8: what a lone surrogate would be. */
function badText(field: number): Buffer {
  const bytes = new BinaryWriter().tag(field, WireType.LengthDelimited).fork();
  bytes
    .tag(1, WireType.LengthDelimited)
    .bytes(new Uint8Array([0xed, 0xa0, 0x80]))
    .join();
  return Buffer.concat([
    encode(AuthorizeRequestSchema, { resource: vault('plain') }),
    Buffer.from(bytes.finish()),
  ]);
}

interface Kind {
  readonly request: Request | Buffer;
  readonly reason: string;
  /** Part of a field's path; undefined where no field can be named. */
  readonly field?: string;
}

const kinds: Readonly<Record<string, Kind>> = {
  'no bytes at all': { request: Buffer.alloc(0), reason: 'FIELD_INVALID', field: 'principal' },
  'bytes that are no message': { request: Buffer.from('ffffffffffff', 'hex'), reason: 'FIELD_INVALID' },
  'a message cut in half': { request: encodedGood().subarray(0, 31), reason: 'FIELD_INVALID' },
  'text that is no UTF-8': { request: badText(1), reason: 'FIELD_INVALID' },
  'no resource': {
    request: { ...good, resource: undefined as never },
    reason: 'FIELD_INVALID',
    field: 'resource',
  },
  'an empty id': {
    request: { ...good, principal: person('') },
    reason: 'FIELD_INVALID',
    field: 'principal.id',
  },
  'a type that is none': {
    request: { ...good, principal: { type: 'Per son', id: 'kim' } },
    reason: 'FIELD_INVALID',
    field: 'principal.type',
  },
  'an id with control characters': {
    request: { ...good, resource: vault('a\u0007b') },
    reason: 'FIELD_INVALID',
    field: 'resource.id',
  },
  'an id of 257 bytes': {
    request: { ...good, resource: vault('a'.repeat(257)) },
    reason: 'FIELD_INVALID',
    field: 'resource.id',
  },
  'an unknown action': {
    request: { ...good, action: { type: '', id: 'burn' } },
    reason: 'ACTION_UNKNOWN',
    field: 'action',
  },
  'an action of Curfew': {
    request: { ...good, action: { type: 'Curfew::Action', id: 'approve' } },
    reason: 'ACTION_UNKNOWN',
    field: 'action',
  },
  'an unknown entity type': {
    request: { ...good, resource: { type: 'Cellar', id: 'x' } },
    reason: 'ENTITY_TYPE_UNKNOWN',
    field: 'resource.type',
  },
  'context.grant': {
    request: withContext({ grant: record({}) }),
    reason: 'CONTEXT_RESERVED',
    field: 'context["grant"]',
  },
  'context.now': {
    request: withContext({ now: string('2026') }),
    reason: 'CONTEXT_RESERVED',
    field: 'context["now"]',
  },
  'nesting 17 deep': {
    request: withContext({ note: nested(17) }),
    reason: 'FIELD_INVALID',
    field: 'context["note"]',
  },
  'nesting 200 deep': {
    request: withContext({ note: nested(200) }),
    reason: 'FIELD_INVALID',
    field: 'context["note"]',
  },
  'nesting 5,000 deep': { request: nestedBytes(5_000), reason: 'FIELD_INVALID' },
  '201 keys': {
    request: withContext(
      Object.fromEntries(Array.from({ length: 201 }, (_, key) => [`k${key}`, string('v')])),
    ),
    reason: 'FIELD_INVALID',
    field: 'context',
  },
  'a value without a kind': {
    request: withContext({ note: {} }),
    reason: 'FIELD_INVALID',
    field: 'context["note"]',
  },
  'a value of another type': {
    request: withContext({ mfa: string('true') }),
    reason: 'FIELD_INVALID',
    field: 'context.mfa',
  },
  'an attribute too many': {
    request: withContext({ fma: string('x') }),
    reason: 'FIELD_INVALID',
    field: 'fma',
  },
  'an attribute too few': { request: { ...good, context: {} }, reason: 'FIELD_INVALID', field: 'context' },
  'D12 an entity in disguise': {
    request: withContext({
      mfa: record({ __entity: record({ type: string('Person'), id: string('kim') }) }),
    }),
    reason: 'FIELD_INVALID',
    field: 'context["mfa"]',
  },
  'D12 an extension value in disguise': {
    request: withContext({ from: record({ __extn: record({ fn: string('ip'), arg: string('10.0.0.1') }) }) }),
    reason: 'FIELD_INVALID',
    field: 'context["from"]',
  },
  'D12 an entity of the directory': {
    request: wireQuestion({ principal: kim, entities: [entity(person('mallory'), [team('guards')])] }),
    reason: 'ENTITY_NOT_CALLERS',
    field: 'entities[0].uid',
  },
  'an extension function that there is not': {
    request: withContext({
      from: { kind: { case: 'extensionValue', value: { function: 'eval', argument: '1' } } },
    }),
    reason: 'FIELD_INVALID',
    field: 'context["from"]',
  },
  'an extension argument that its function refuses': {
    request: withContext({
      from: { kind: { case: 'extensionValue', value: { function: 'ip', argument: '10.0.0.999' } } },
    }),
    reason: 'FIELD_INVALID',
    field: 'context.from',
  },
  'a use_id of 65 bytes': {
    request: { ...good, useId: 'u'.repeat(65) },
    reason: 'FIELD_INVALID',
    field: 'use_id',
  },
  'an entity twice': {
    request: wireQuestion({ principal: kim, entities: [entity(sheet('s')), entity(sheet('s'))] }),
    reason: 'FIELD_INVALID',
    field: 'entities[1].uid',
  },
  '101 entities': {
    request: wireQuestion({
      principal: kim,
      entities: Array.from({ length: 101 }, (_, index) => entity({ type: 'Note', id: `n${index}` })),
    }),
    reason: 'FIELD_INVALID',
    field: 'entities',
  },
  'a negative revision': {
    request: { ...good, atLeastRevision: -1n },
    reason: 'FIELD_INVALID',
    field: 'at_least_revision',
  },
  'a question of more than 64 KiB': {
    request: withContext({ note: string('x'.repeat(65_536)) }),
    reason: 'TOO_MUCH',
  },
  'a message of 5 MB': { request: withContext({ note: string('x'.repeat(5_000_000)) }), reason: 'TOO_MUCH' },
};

function encodedGood(): Buffer {
  return Buffer.from(toBinary(AuthorizeRequestSchema, create(AuthorizeRequestSchema, good)));
}

async function ask(request: Request | Buffer) {
  return await scene.client.unary(method, request, await scene.options(door));
}

describe('a malformed call', () => {
  it.each(Object.entries(kinds))('is refused: %s', async (_title, { request, reason, field }) => {
    const refusal = await refusalOf(ask(request));
    const code = reason === 'TOO_MUCH' ? Code.RESOURCE_EXHAUSTED : Code.INVALID_ARGUMENT;
    expect(refusal).toMatchObject({ code, reason, domain: 'curfew' });
    const fields = refusal.violations.map((violation) => violation.field).join(' ');
    if (field !== undefined) expect(fields).toContain(field);
    expect((await ask(good)).effect).toBe(Effect.ALLOW);
  });

  it('is refused below gRPC as well, and the connection after it is served', async () => {
    const path = `/${method.parent.typeName}/${method.name}`;
    const { token = '' } = await scene.options(door);
    const headers = { authorization: `Bearer ${token}` };
    const { port } = scene.service;
    const bodies = [
      frame(Buffer.from('not a message at all')),
      frame(encodedGood(), { length: 3 }),
      Buffer.alloc(4),
      frame(Buffer.from([0x1f, 0x8b, 0xff]), { isCompressed: true }),
    ];
    for (const body of bodies) {
      expect((await sendRaw({ port, path, headers, body })).code).not.toBe(Code.OK);
    }
    expect((await ask(good)).effect).toBe(Effect.ALLOW);
  });
});

it('D2 thousands of malformed calls of every kind harm nothing: the good ones after them are all answered right', async () => {
  const { engine } = scene.service.followed.replica;
  // Not the 5 MB ones: they measure the network.
  const requests = Object.values(kinds)
    .map(({ request }) => (Buffer.isBuffer(request) ? request : encode(AuthorizeRequestSchema, request)))
    .filter((request) => request.byteLength < 100_000);
  expect(requests.length).toBeGreaterThan(10);
  const total = 6_000;
  const inFlight = 50;
  for (let sent = 0; sent < total; sent += inFlight) {
    const calls = Array.from({ length: inFlight }, (_, index) =>
      refusalOf(ask(requests[(sent + index) % requests.length] ?? Buffer.alloc(0))),
    );
    for (const { code } of await Promise.all(calls)) {
      expect([Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED]).toContain(code);
    }
  }
  const table = [
    [{ principal: kim }, 'ALLOW'],
    [{ principal: person('otto') }, 'DENY'],
    [
      {
        principal: kim,
        resource: vault('secret'),
        context: attributes({ ...goodContext, mfa: bool(false) }),
      },
      'DENY',
    ],
    [{ principal: kim, context: attributes({ ...goodContext, note: text('sealed') }) }, 'DENY'],
    [{ principal: kim, resource: vault('secret') }, 'ALLOW'],
  ] as const;
  for (let round = 0; round < 200; round += 1) {
    const answers = await Promise.all(table.map(([asked]) => scene.authorize({ ...asked, caller: door })));
    expect(answers.map(({ effect }) => effect)).toEqual(table.map(([, effect]) => Effect[effect]));
  }
  // The check stands before the engine: nothing of all that reached it.
  expect(scene.service.followed.replica.engine).toBe(engine);
  expect(engine.replacedInstances).toBe(0);
});
