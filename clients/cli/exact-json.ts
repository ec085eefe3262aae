import { entity, extension, type ExtensionFunction, type PlainValue } from '../sdk/index.ts';
import { usageError } from './cli-error.ts';

const integer = /^-?(?:0|[1-9]\d*)$/;

/** JSON with integers as bigint. */
export type ExactJson =
  | null
  | boolean
  | bigint
  | string
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** Reads JSON with every integer exact. @throws CliError usage naming the argument: bad syntax, a fraction, an integer outside int64 */
export function parseExactJson(given: string, what: string): ExactJson {
  let wrong: Error | undefined;
  const exactly = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value !== 'number') return value;
    try {
      return readInt64(context?.source ?? String(value), what);
    } catch (error) {
      wrong ??= error instanceof Error ? error : new Error(String(error));
      return null;
    }
  };
  let json: ExactJson;
  try {
    json = JSON.parse(given, exactly) as ExactJson; // the reviver leaves exactly these types
  } catch (cause) {
    throw usageError(what, `this is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (wrong !== undefined) throw wrong;
  return json;
}

/** Reads an integer of the whole range of int64 exactly. @throws CliError usage */
export function readInt64(given: string, what: string): bigint {
  const value = integer.test(given) ? BigInt(given) : undefined;
  if (value === undefined || BigInt.asIntN(64, value) !== value)
    throw usageError(
      what,
      `seen ${given}, wanted an integer from -9223372036854775808 to 9223372036854775807`,
    );
  return value;
}

/** A value in Cedar's JSON form: `{"__entity": {"type", "id"}}` and `{"__extn": {"fn", "arg"}}` are what they say. @throws CliError usage */
export function cedarValue(json: ExactJson, what: string): PlainValue {
  if (json === null) throw usageError(what, 'seen null, wanted a value; Cedar has no null');
  if (typeof json !== 'object') return json;
  if (isList(json)) return json.map((member, index) => cedarValue(member, `${what}[${index}]`));
  const keys = Object.keys(json);
  const [key] = keys;
  const inner = key === undefined ? undefined : json[key];
  if (keys.length === 1 && key === '__entity') {
    const { type, id } = strings(inner, ['type', 'id'], `${what}.__entity`);
    return entity(type, id);
  }
  if (keys.length === 1 && key === '__extn') {
    const { fn, arg } = strings(inner, ['fn', 'arg'], `${what}.__extn`);
    return extension(fn as ExtensionFunction, arg); // the service knows which there are
  }
  return Object.fromEntries(
    Object.entries(json).map(([name, member]) => [name, cedarValue(member, `${what}.${name}`)]),
  );
}

export function isList(json: ExactJson): json is readonly ExactJson[] {
  return Array.isArray(json);
}

function strings<K extends string>(
  json: ExactJson | undefined,
  keys: readonly K[],
  what: string,
): Readonly<Record<K, string>> {
  const fields = typeof json === 'object' && json !== null && !isList(json) ? Object.entries(json) : [];
  const isRight =
    fields.length === keys.length &&
    fields.every(([key, value]) => keys.some((wanted) => wanted === key) && typeof value === 'string');
  if (!isRight) throw usageError(what, `wanted the texts ${keys.join(' and ')} and nothing else`);
  return Object.fromEntries(fields) as Record<K, string>; // checked above
}
