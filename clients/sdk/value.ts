import { create, isMessage } from '@bufbuild/protobuf';
import type { EntityUid, ExtensionValue, Value } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import {
  EntityUidSchema,
  ExtensionValueSchema,
  ValueSchema,
} from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { argumentError } from './curfew-error.ts';

/** Names an entity: `{ type: 'User', id: 'ada' }`. */
export interface EntityName {
  readonly type: string;
  readonly id: string;
}

/**
 * A Cedar value as JavaScript has it. Integers are `bigint`, or a `number` that is exact; a Date is a Cedar datetime; a reference to
 * an entity is what `entity()` makes, for a plain object is a record.
 */
export type PlainValue =
  | boolean
  | string
  | bigint
  | number
  | Date
  | EntityUid
  | ExtensionValue
  | Value
  | readonly PlainValue[]
  | ReadonlySet<PlainValue>
  | { readonly [key: string]: PlainValue };

/** The functions whose results Cedar knows as extension values. */
export type ExtensionFunction = 'ip' | 'decimal' | 'datetime' | 'duration';

/** A reference to an entity. */
export function entity(type: string, id: string): EntityUid {
  return create(EntityUidSchema, { type, id });
}

/** An extension value in the form of its constructor: `extension('ip', '10.0.0.0/8')`. */
export function extension(name: ExtensionFunction, argument: string): ExtensionValue {
  return create(ExtensionValueSchema, { function: name, argument });
}

const maxLevels = 16;
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/**
 * A plain value as it goes over the wire.
 *
 * @param field its path, for errors
 * @throws CurfewError INVALID_ARGUMENT for what no Cedar value is: undefined, null, fractions, unsafe or too large integers, cycles
 */
export function toValue(plain: PlainValue, field = 'value'): Value {
  return convert(plain, field, 1);
}

/** The fields of a context or a record. @throws CurfewError INVALID_ARGUMENT as `toValue` */
export function toFields(plain: Readonly<Record<string, PlainValue>>, field: string): Record<string, Value> {
  return convertFields(plain, field, 1);
}

/** The value as JavaScript has it: integers are bigint, entities and extension values stay messages. */
export function fromValue(value: Value, field = 'value'): PlainValue {
  const { kind } = value;
  switch (kind.case) {
    case 'setValue':
      return kind.value.values.map((member, index) => fromValue(member, `${field}[${index}]`));
    case 'recordValue':
      return Object.fromEntries(
        Object.entries(kind.value.fields).map(([key, member]) => [key, fromValue(member, `${field}.${key}`)]),
      );
    case undefined:
      throw argumentError(field, 'has no kind, wanted a Cedar value');
    default:
      return kind.value;
  }
}

function convert(plain: unknown, field: string, level: number): Value {
  if (level > maxLevels)
    throw argumentError(field, `nests deeper than ${maxLevels} levels, wanted at most that`);
  switch (typeof plain) {
    case 'boolean':
      return create(ValueSchema, { kind: { case: 'boolValue', value: plain } });
    case 'string':
      return create(ValueSchema, { kind: { case: 'stringValue', value: plain } });
    case 'bigint':
      return create(ValueSchema, { kind: { case: 'longValue', value: checkInt64(plain, field) } });
    case 'number':
      return create(ValueSchema, { kind: { case: 'longValue', value: exactInteger(plain, field) } });
    case 'object':
      if (plain !== null) return convertObject(plain, field, level);
      break;
    default:
  }
  throw argumentError(
    field,
    `seen ${plain === null ? 'null' : typeof plain}, wanted a Cedar value or no key at all`,
  );
}

function convertObject(plain: object, field: string, level: number): Value {
  if (isMessage(plain, ValueSchema)) return plain;
  if (isMessage(plain, EntityUidSchema))
    return create(ValueSchema, { kind: { case: 'entityValue', value: plain } });
  if (isMessage(plain, ExtensionValueSchema))
    return create(ValueSchema, { kind: { case: 'extensionValue', value: plain } });
  if (plain instanceof Date) return dateValue(plain, field);
  if (Array.isArray(plain) || plain instanceof Set) {
    const members: readonly unknown[] = [...plain];
    const values = members.map((member, index) => convert(member, `${field}[${index}]`, level + 1));
    return create(ValueSchema, { kind: { case: 'setValue', value: { values } } });
  }
  const prototype: unknown = Object.getPrototypeOf(plain);
  if (prototype !== Object.prototype && prototype !== null)
    throw argumentError(field, `seen a ${plain.constructor.name}, wanted a plain object, an array or a Set`);
  const fields = convertFields(plain, field, level + 1);
  return create(ValueSchema, { kind: { case: 'recordValue', value: { fields } } });
}

function convertFields(plain: object, field: string, level: number): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(plain).map(([key, member]) => [key, convert(member, `${field}.${key}`, level)]),
  );
}

function dateValue(date: Date, field: string): Value {
  if (Number.isNaN(date.getTime())) throw argumentError(field, 'seen an invalid Date, wanted an instant');
  const value = extension('datetime', date.toISOString());
  return create(ValueSchema, { kind: { case: 'extensionValue', value } });
}

function exactInteger(value: number, field: string): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  const instead = Number.isInteger(value)
    ? 'a bigint: a number is not exact beyond 2^53'
    : `an integer; a fraction is extension('decimal', "${value}")`;
  throw argumentError(field, `seen ${value}, wanted ${instead}`);
}

function checkInt64(value: bigint, field: string): bigint {
  if (value >= int64Min && value <= int64Max) return value;
  throw argumentError(field, `seen ${value}, wanted an integer from ${int64Min} to ${int64Max}`);
}
