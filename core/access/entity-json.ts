import { jsonErrorOffset } from './json-place.ts';
import { type Attributes, type Entity, type EntityUid, uidKey, type Value } from './entity.ts';

/** JSON as `parseJsonExact` reads it: integers are bigint and exact; there are no doubles. */
export type ExactJson =
  | null
  | boolean
  | bigint
  | string
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** Says which place of a JSON text is wrong, what was seen there and what was wanted. */
export class EntityJsonError extends Error {
  override readonly name = 'EntityJsonError';
  /** 1-based place in the text, where one is known. */
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(
    message: string,
    place?: { readonly line: number; readonly column: number },
    options?: { readonly cause: unknown },
  ) {
    super(message, options);
    this.line = place?.line;
    this.column = place?.column;
  }
}

const MAX_DEPTH = 64;
const ESCAPES = ['__entity', '__extn', '__expr'];
const INTEGER = /^-?\d+$/;
/** Every number of a JSON text follows one of these, and some that it finds are in strings. */
const MAY_HAVE_NUMBERS = /(?:^|[[:,])[ \t\r\n]*[-\d]/;

/** The smallest and the largest Cedar Long. */
export const INT64_MIN: bigint = -(2n ** 63n);
export const INT64_MAX: bigint = 2n ** 63n - 1n;

/** Whether a Cedar Long can hold the integer. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** Reads Cedar's JSON form of a list of entities. @throws EntityJsonError naming the place, what was seen and what was wanted. */
export function parseEntities(text: string): Entity[] {
  const json = parseJsonExact(text);
  if (!Array.isArray(json)) throw wrong('$', json, 'a list of entities');
  const seen = new Set<string>();
  return json.map((item: ExactJson, index) => {
    const entity = entityFromJson(item, `[${index}]`);
    const key = uidKey(entity.uid);
    if (seen.has(key))
      throw new EntityJsonError(`[${index}]: ${key} is listed twice, wanted each entity once`);
    seen.add(key);
    return entity;
  });
}

/** Reads one entity of Cedar's JSON form; `path` names it in errors. @throws EntityJsonError */
export function entityFromJson(json: ExactJson, path = '$'): Entity {
  const fields = record(json, path, 'an entity {uid, attrs, parents, tags}');
  for (const key of Object.keys(fields)) {
    if (!['uid', 'attrs', 'parents', 'tags'].includes(key))
      throw wrong(`${path}.${key}`, key, 'one of uid, attrs, parents, tags');
  }
  const parents = fields['parents'] ?? [];
  if (!Array.isArray(parents)) throw wrong(`${path}.parents`, parents, 'a list of entity uids');
  return {
    uid: uidFromJson(fields['uid'] ?? null, `${path}.uid`),
    attributes: attributesFromJson(fields['attrs'] ?? {}, `${path}.attrs`),
    parents: parents.map((parent: ExactJson, index) => uidFromJson(parent, `${path}.parents[${index}]`)),
    tags: attributesFromJson(fields['tags'] ?? {}, `${path}.tags`),
  };
}

/** Reads `{type, id}` or `{"__entity": {type, id}}`. @throws EntityJsonError */
export function uidFromJson(json: ExactJson, path = '$'): EntityUid {
  const outer = record(json, path, 'an entity uid {type, id}');
  const inner =
    '__entity' in outer ? record(outer['__entity'] ?? null, path, 'an entity uid {type, id}') : outer;
  const { type, id, ...rest } = inner;
  if (typeof type !== 'string' || type === '') throw wrong(`${path}.type`, type ?? null, 'an entity type');
  if (typeof id !== 'string') throw wrong(`${path}.id`, id ?? null, 'an entity id in quotes');
  const extra = Object.keys(rest)[0] ?? (inner === outer ? undefined : Object.keys(outer)[1]);
  if (extra !== undefined) throw wrong(`${path}.${extra}`, extra, 'only type and id');
  return { type, id };
}

/** Reads one value; entities and extension values must be written out as `__entity` and `__extn`. @throws EntityJsonError */
export function valueFromJson(json: ExactJson, path = '$', depth = 0): Value {
  if (depth > MAX_DEPTH) throw new EntityJsonError(`${path}: nested deeper than ${MAX_DEPTH}`);
  if (typeof json === 'boolean') return { kind: 'bool', value: json };
  if (typeof json === 'bigint') return { kind: 'long', value: json };
  if (typeof json === 'string') return { kind: 'string', value: json };
  if (Array.isArray(json)) {
    const values = json.map((item: ExactJson, i) => valueFromJson(item, `${path}[${i}]`, depth + 1));
    return { kind: 'set', values };
  }
  const fields = record(json, path, 'a boolean, integer, string, list or record');
  if ('__entity' in fields) return { kind: 'entity', uid: uidFromJson(json, path) };
  if ('__extn' in fields) return extensionFromJson(fields, path);
  if ('__expr' in fields) throw wrong(path, '__expr', '__entity or __extn');
  return { kind: 'record', fields: attributesFromJson(fields, path, depth + 1) };
}

/** The entity in Cedar's JSON form, for `JSON.stringify`; int64 comes out exact. @throws EntityJsonError on a record that JSON cannot say. */
export function entityToJson(entity: Entity): unknown {
  return {
    uid: uidToJson(entity.uid),
    attrs: attributesToJson(entity.attributes),
    parents: entity.parents.map(uidToJson),
    ...(entity.tags.size === 0 ? {} : { tags: attributesToJson(entity.tags) }),
  };
}

/** The attributes as a JSON object, for `JSON.stringify`. @throws EntityJsonError on a name that Cedar's JSON reserves. */
export function attributesToJson(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(
    Array.from(attributes, ([name, value]) => {
      if (ESCAPES.includes(name))
        throw new EntityJsonError(`attribute "${name}": Cedar's JSON reserves the name, wanted another`);
      return [name, valueToJson(value)];
    }),
  );
}

/** The value in Cedar's JSON form, for `JSON.stringify`. @throws EntityJsonError on a name that Cedar's JSON reserves, and on what is no value. */
export function valueToJson(value: Value): unknown {
  switch (value.kind) {
    case 'bool':
    case 'string':
      return value.value;
    case 'long':
      return exactInteger(value.value);
    case 'entity':
      return { __entity: uidToJson(value.uid) };
    case 'set':
      return value.values.map(valueToJson);
    case 'record':
      return attributesToJson(value.fields);
    case 'extension':
      return { __extn: { fn: value.function, arg: value.argument } };
    default:
      // Left out silently, it would be a field that nobody sent.
      throw new EntityJsonError(`a value of the kind ${String(Reflect.get(Object(value), 'kind'))}`);
  }
}

/** `{type, id}` alone, whatever else the object carries. */
export function uidToJson(uid: EntityUid): { type: string; id: string } {
  return { type: uid.type, id: uid.id };
}

/** Parses JSON with every integer exact. @throws EntityJsonError on bad syntax, on a number with fraction or exponent, and outside int64. */
export function parseJsonExact(text: string): ExactJson {
  const numbers: string[] = [];
  const exactly = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value !== 'number') return value;
    const source = context?.source ?? String(value);
    const exact = INTEGER.test(source) ? BigInt(source) : undefined;
    if (exact === undefined || !isInt64(exact)) numbers.push(source);
    return exact ?? null;
  };
  let json: ExactJson;
  try {
    // A reviver is called for each value of the text; most directories have no number anywhere.
    const parsed: unknown = MAY_HAVE_NUMBERS.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
    json = parsed as ExactJson; // the reviver leaves exactly these types
  } catch (cause) {
    throw syntaxError(text, cause);
  }
  const [bad] = numbers;
  if (bad !== undefined)
    throw new EntityJsonError(
      `number ${bad}: wanted an integer from ${INT64_MIN} to ${INT64_MAX}`,
      find(text, bad),
    );
  return json;
}

/** An integer that `JSON.stringify` writes digit by digit, never through a double. */
export function exactInteger(value: bigint): unknown {
  return rawJson(value.toString());
}

/** Uids and values as `path: seen X, wanted Y`. */
function wrong(path: string, seen: ExactJson, wanted: string): EntityJsonError {
  return new EntityJsonError(`${path}: seen ${describe(seen)}, wanted ${wanted}`);
}

function describe(json: ExactJson): string {
  if (json === null) return 'nothing';
  if (typeof json === 'string') return JSON.stringify(json.length > 60 ? `${json.slice(0, 60)}…` : json);
  if (Array.isArray(json)) return 'a list';
  return typeof json === 'object' ? 'a record' : String(json);
}

function record(json: ExactJson, path: string, wanted: string): { readonly [key: string]: ExactJson } {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw wrong(path, json, wanted);
  return json as { readonly [key: string]: ExactJson }; // Array.isArray does not narrow a readonly list away
}

function attributesFromJson(json: ExactJson, path: string, depth = 0): Attributes {
  const fields = record(json, path, 'a record of attributes');
  return new Map(
    Object.entries(fields).map(([name, value]) => [name, valueFromJson(value, `${path}.${name}`, depth + 1)]),
  );
}

function extensionFromJson(fields: { readonly [key: string]: ExactJson }, path: string): Value {
  const call = record(fields['__extn'] ?? null, path, 'an extension call {fn, arg}');
  const { fn, arg, ...rest } = call;
  const extra = Object.keys(rest)[0] ?? Object.keys(fields)[1];
  if (typeof fn !== 'string' || typeof arg !== 'string' || extra !== undefined)
    throw wrong(path, extra ?? 'an extension call', 'only fn and arg, both strings');
  return { kind: 'extension', function: fn, argument: arg };
}

function syntaxError(text: string, cause: unknown): EntityJsonError {
  const offset = jsonErrorOffset(text);
  const seen =
    offset >= text.length ? 'the end of the text' : JSON.stringify(text.slice(offset, offset + 20));
  return new EntityJsonError(`not JSON at ${seen}`, placeOf(text, offset), { cause });
}

function find(text: string, source: string): { line: number; column: number } {
  return placeOf(text, Math.max(0, text.indexOf(source)));
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function rawJson(text: string): unknown {
  // TypeScript's library does not know JSON.rawJSON (ES2026) yet; Node has had it since 22.
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text); // see above
}
