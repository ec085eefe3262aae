import { create } from '@bufbuild/protobuf';
import { fieldError } from '../access/access-error.ts';
import type { Attributes, Entity, Value } from '../access/entity.ts';
import { showSeen } from '../runtime/seen.ts';
import type { Entity as ProtoEntity, Value as ProtoValue } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { EntitySchema, ValueSchema } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { fromProtoUid, toProtoUid } from './uid.ts';

/** How deep a value may nest; a scalar directly in a context is at level 1. */
const maxLevels = 16;
const maxKeys = 200;
const maxParents = 1_000;
const maxKeyBytes = 256;
const maxArgumentBytes = 256;
const extensionFunctions = ['ip', 'decimal', 'datetime', 'duration'];
/** Cedar's JSON form gives these keys a meaning of its own: a record that has one would become an entity or an extension value. */
const escapeKeys = new Set(['__entity', '__extn', '__expr']);
/** Only Curfew supplies these (design: the Cedar question). */
const reservedKeys = ['grant', 'now'];

type ProtoFields = Readonly<Record<string, ProtoValue>>;
type Kind = ProtoValue['kind'];
type ScalarKind = Extract<Kind, { case: 'boolValue' | 'longValue' | 'stringValue' }>;

/** A value from the wire. @throws AccessError FIELD_INVALID naming the path below `field` */
export function fromProtoValue(value: ProtoValue, field: string): Value {
  return readValue(value, field, 1);
}

/** A question's context from the wire. @throws AccessError CONTEXT_RESERVED when it has `grant` or `now` */
export function fromProtoContext(context: ProtoFields, field: string): Attributes {
  for (const key of reservedKeys) {
    if (Object.hasOwn(context, key)) {
      const description = 'only Curfew supplies it; leave it out';
      const path = `${field}["${key}"]`;
      throw fieldError(path, description, 'CONTEXT_RESERVED');
    }
  }
  return readFields(context, field, 1);
}

/** An entity from the wire. @throws AccessError FIELD_INVALID naming the path below `field` */
export function fromProtoEntity(entity: ProtoEntity, field: string): Entity {
  if (entity.parents.length > maxParents) {
    throw fieldError(`${field}.parents`, `seen ${entity.parents.length}, wanted at most ${maxParents}`);
  }
  return {
    uid: fromProtoUid(entity.uid, `${field}.uid`),
    attributes: readFields(entity.attributes, `${field}.attributes`, 1),
    parents: entity.parents.map((parent, index) => fromProtoUid(parent, `${field}.parents[${index}]`)),
    tags: readFields(entity.tags, `${field}.tags`, 1),
  };
}

export function toProtoEntity(entity: Entity): ProtoEntity {
  return create(EntitySchema, {
    uid: toProtoUid(entity.uid),
    attributes: toProtoFields(entity.attributes),
    parents: entity.parents.map(toProtoUid),
    tags: toProtoFields(entity.tags),
  });
}

export function toProtoValue(value: Value): ProtoValue {
  switch (value.kind) {
    case 'bool':
      return create(ValueSchema, { kind: { case: 'boolValue', value: value.value } });
    case 'long':
      return create(ValueSchema, { kind: { case: 'longValue', value: value.value } });
    case 'string':
      return create(ValueSchema, { kind: { case: 'stringValue', value: value.value } });
    case 'entity':
      return create(ValueSchema, { kind: { case: 'entityValue', value: toProtoUid(value.uid) } });
    case 'set':
      return create(ValueSchema, {
        kind: { case: 'setValue', value: { values: value.values.map(toProtoValue) } },
      });
    case 'record':
      return create(ValueSchema, {
        kind: { case: 'recordValue', value: { fields: toProtoFields(value.fields) } },
      });
    case 'extension': {
      const { function: name, argument } = value;
      return create(ValueSchema, { kind: { case: 'extensionValue', value: { function: name, argument } } });
    }
  }
}

function toProtoFields(fields: Attributes): Record<string, ProtoValue> {
  return Object.fromEntries([...fields].map(([key, value]) => [key, toProtoValue(value)]));
}

function readValue(value: ProtoValue, field: string, level: number): Value {
  if (level > maxLevels) {
    throw fieldError(field, `nests deeper than ${maxLevels} levels, wanted at most ${maxLevels}`);
  }
  const { kind } = value;
  switch (kind.case) {
    case 'entityValue':
      return { kind: 'entity', uid: fromProtoUid(kind.value, field) };
    case 'setValue':
      return {
        kind: 'set',
        values: kind.value.values.map((member, index) => readValue(member, `${field}[${index}]`, level + 1)),
      };
    case 'recordValue':
      return { kind: 'record', fields: readFields(kind.value.fields, field, level + 1) };
    case 'extensionValue':
      return readExtension(kind.value, field);
    case undefined:
      throw fieldError(
        field,
        'has no kind, wanted exactly one of bool_value, long_value, string_value and so on',
      );
    default:
      return scalarOf(kind);
  }
}

function isScalar(kind: Kind): kind is ScalarKind {
  return kind.case === 'boolValue' || kind.case === 'longValue' || kind.case === 'stringValue';
}

function scalarOf(kind: ScalarKind): Value {
  switch (kind.case) {
    case 'boolValue':
      return { kind: 'bool', value: kind.value };
    case 'longValue':
      return { kind: 'long', value: kind.value };
    case 'stringValue':
      return { kind: 'string', value: kind.value };
  }
}

function readFields(fields: ProtoFields, field: string, level: number): Attributes {
  const entries = Object.entries(fields);
  if (entries.length > maxKeys) {
    throw fieldError(field, `seen ${entries.length} keys, wanted at most ${maxKeys}`);
  }
  const attributes = new Map<string, Value>();
  for (const [key, value] of entries) {
    const name = checkKey(key, field);
    const { kind } = value;
    // Most are scalars, of which nothing can be wrong but their level: where they stand need not be spelled out.
    const isSound = isScalar(kind) && level <= maxLevels;
    attributes.set(name, isSound ? scalarOf(kind) : readValue(value, `${field}[${showSeen(key)}]`, level));
  }
  return attributes;
}

function checkKey(key: string, field: string): string {
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > maxKeyBytes) {
    throw fieldError(field, `seen a key of ${sizeBytes} bytes, wanted at most ${maxKeyBytes}`);
  }
  if (escapeKeys.has(key)) {
    throw fieldError(field, `seen the key ${showSeen(key)}, wanted another: Cedar's JSON form reserves it`);
  }
  return key;
}

function readExtension(extension: { function: string; argument: string }, field: string): Value {
  const { function: name, argument } = extension;
  if (!extensionFunctions.includes(name)) {
    throw fieldError(
      `${field}.function`,
      `seen ${showSeen(name)}, wanted one of ${extensionFunctions.join(', ')}`,
    );
  }
  if (Buffer.byteLength(argument) > maxArgumentBytes) {
    throw fieldError(
      `${field}.argument`,
      `seen ${showSeen(argument)}, wanted at most ${maxArgumentBytes} bytes`,
    );
  }
  return { kind: 'extension', function: name, argument };
}
