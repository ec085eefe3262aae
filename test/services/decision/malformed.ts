import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { ValueSchema } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { entity, person, sheet, team, vault } from './people.ts';
import { wireQuestion } from './scene.ts';

type ProtoValue = MessageInitShape<typeof ValueSchema>;
type Request = MessageInitShape<typeof AuthorizeRequestSchema>;

const kim = person('kim');
/** A question that is allowed. */
export const good = wireQuestion({ principal: kim });

const withContext = (context: Readonly<Record<string, ProtoValue>>): Request => ({
  ...good,
  context: { ...good.context, ...context },
});
const string = (value: string): ProtoValue => ({ kind: { case: 'stringValue', value } });
const record = (fields: Record<string, ProtoValue>): ProtoValue => ({
  kind: { case: 'recordValue', value: { fields } },
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
  return Buffer.concat([encode({ resource: vault('plain') }), Buffer.from(bytes.finish())]);
}

/** A way in which an Authorize call can be wrong, and what is answered. */
export interface Malformed {
  readonly request: Buffer;
  readonly reason: string;
  /** Part of a field's path; undefined where no field can be named. */
  readonly field?: string;
}

type Kind = Omit<Malformed, 'request'> & { readonly request: Request | Buffer };

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

export function encodedGood(): Buffer {
  return encode(good);
}

function encode(request: Request): Buffer {
  return Buffer.from(toBinary(AuthorizeRequestSchema, create(AuthorizeRequestSchema, request)));
}

/** By what is wrong with them. */
export const malformed: ReadonlyMap<string, Malformed> = new Map(
  Object.entries(kinds).map(([title, { request, ...wanted }]) => [
    title,
    { ...wanted, request: Buffer.isBuffer(request) ? request : encode(request) },
  ]),
);
