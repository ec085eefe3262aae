import type { Attributes, EntityUid, Value } from '../../access/entity.ts';
import { INT64_MAX } from '../../access/entity-json.ts';
import type { AttributesShape, ExtensionName, SchemaShape, TypeShape } from '../schema-shape.ts';
import type { Constants } from './constants.ts';
import type { Draws } from './draws.ts';

/** What values are made from. */
export interface Making {
  readonly schema: SchemaShape;
  readonly draws: Draws;
  readonly constants: Constants;
  /** The question's own principal and resource, which conditions like to find in attributes. */
  readonly sides: readonly EntityUid[];
}

/** Which of the fields that need not be there are. */
export type Optional = 'all' | 'none' | 'some';

const IDS = ['a', 'b'];
const LONGS = [0n, 1n, -1n, INT64_MAX];
const STRINGS = ['', 'a'];
const EXTENSIONS: Readonly<Record<ExtensionName, readonly string[]>> = {
  ip: ['127.0.0.1', '10.0.0.0/8'],
  decimal: ['0.0', '1.5'],
  datetime: ['2026-01-01T00:00:00Z', '2038-01-01T00:00:00Z'],
  duration: ['1h', '0ms'],
};
const NEARLY = [0n, 1n, -1n];
const MAX_DEPTH = 6;
const MAX_MEMBERS = 4;

/** Attributes as declared: values around the constants, so that conditions hold and just miss. */
export function madeAttributes(
  declared: AttributesShape,
  optional: Optional,
  making: Making,
  depth = 0,
): Map<string, Value> {
  const made = new Map<string, Value>();
  if (depth > MAX_DEPTH) return made;
  for (const [name, { type, required }] of declared) {
    const isThere = required || optional === 'all' || (optional === 'some' && making.draws.oneIn(2));
    if (isThere) made.set(name, madeValue(type, optional, making, depth));
  }
  return made;
}

/** One value of the type. */
export function madeValue(type: TypeShape, optional: Optional, making: Making, depth = 0): Value {
  const { draws, constants } = making;
  switch (type.kind) {
    case 'bool':
      return { kind: 'bool', value: draws.oneIn(2) };
    case 'long':
      return { kind: 'long', value: madeLong(making) };
    case 'string':
      return { kind: 'string', value: oftenOneOf(draws, constants.strings, STRINGS) };
    case 'entity':
      return { kind: 'entity', uid: madeUid(type.type, making) };
    case 'set':
      return { kind: 'set', values: madeMembers(type.element, optional, making, depth) };
    case 'record':
      return { kind: 'record', fields: madeAttributes(type.attributes, optional, making, depth + 1) };
    case 'extension': {
      const argument = oftenOneOf(draws, constants.extensions[type.name], EXTENSIONS[type.name]);
      return { kind: 'extension', function: type.name, argument };
    }
  }
}

/** One entity of the type: of the question, of the constants, or another. */
export function madeUid(type: string, { schema, draws, constants, sides }: Making): EntityUid {
  const ids = schema.entityTypes.get(type)?.ids ?? IDS;
  const named = [...sides, ...constants.entities].filter((uid) => uid.type === type);
  const known = draws.oneIn(3) ? undefined : draws.pick(named);
  return known ?? { type, id: draws.pick(ids) ?? '' };
}

function madeLong({ draws, constants }: Making): bigint {
  const near = oftenOneOf(draws, constants.longs, LONGS) + (draws.pick(NEARLY) ?? 0n);
  return near > INT64_MAX ? INT64_MAX : near < -INT64_MAX ? -INT64_MAX : near;
}

function madeMembers(element: TypeShape, optional: Optional, making: Making, depth: number): Value[] {
  if (depth > MAX_DEPTH) return [];
  const { draws, constants } = making;
  // `containsAll` wants many constants at once.
  if (element.kind === 'string' && draws.oneIn(2))
    return constants.strings.map((value) => ({ kind: 'string', value }));
  const count = draws.below(MAX_MEMBERS);
  return Array.from({ length: count }, () => madeValue(element, optional, making, depth + 1));
}

function oftenOneOf<T>(draws: Draws, often: readonly T[], other: readonly [T, ...T[]] | readonly T[]): T {
  const from = often.length > 0 && !draws.oneIn(4) ? often : other;
  return from[draws.below(from.length)] as T; // neither is empty
}

/** The uids among the values, at any depth. */
export function* uidsIn(values: Attributes | ReadonlyMap<string, Value>): Iterable<EntityUid> {
  for (const value of values.values()) yield* uidsOf(value);
}

function* uidsOf(value: Value): Iterable<EntityUid> {
  if (value.kind === 'entity') yield value.uid;
  else if (value.kind === 'set') for (const member of value.values) yield* uidsOf(member);
  else if (value.kind === 'record') yield* uidsIn(value.fields);
}
