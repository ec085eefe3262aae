import { entity, extension, type ExtensionFunction, type PlainValue } from '../sdk/index.ts';
import { usageError } from './cli-error.ts';
import { parseEntity } from './entity-name.ts';
import { cedarValue, isList, parseExactJson, readInt64 } from './exact-json.ts';

type Context = Readonly<Record<string, PlainValue>>;

/**
 * The context of a question from `--context key=value`, as often as wanted, and `--context-json`.
 *
 * @throws CliError usage for a key given twice and for what no Cedar value is
 */
export function readContext(pairs: readonly string[], json: string | undefined): Context {
  const context = new Map<string, PlainValue>(json === undefined ? [] : Object.entries(readRecord(json)));
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1)
      throw usageError('--context', `seen ${JSON.stringify(pair)}, wanted key=value, such as mfa=true`);
    const key = pair.slice(0, at);
    if (context.has(key))
      throw usageError('--context', `${JSON.stringify(key)} is given twice, wanted each key once`);
    context.set(key, readValue(pair.slice(at + 1), `--context ${key}`));
  }
  return Object.fromEntries(context);
}

const extensionCall = /^(?<name>ip|decimal|datetime|duration)\("(?<argument>[^"\\]*)"\)$/;
const looksNumeric = /^[+-]?[\d.]+(?:e[+-]?\d+)?$/i;

/** `true`, `5`, `text`, `"true"` for a text that reads as something else, `User::"ada"`, `ip("10.0.0.1")`. */
function readValue(given: string, what: string): PlainValue {
  if (given === 'true' || given === 'false') return given === 'true';
  if (looksNumeric.test(given) && Number.isFinite(Number(given))) return readNumber(given, what);
  if (given.startsWith('"')) return readText(given, what);
  const { name, argument } = extensionCall.exec(given)?.groups ?? {};
  if (name !== undefined && argument !== undefined) return extension(name as ExtensionFunction, argument); // the pattern lists them
  if (/^[\w:]+::".*"$/s.test(given)) {
    const { type, id } = parseEntity(given, what);
    return entity(type, id);
  }
  return given;
}

function readNumber(given: string, what: string): bigint {
  try {
    return readInt64(given, what);
  } catch (error) {
    const isFraction = /[.e]/i.test(given);
    if (!isFraction && /^-?[1-9]/.test(given)) throw error;
    const instead = isFraction
      ? `decimal("${given}") or text in double quotes`
      : 'an integer without leading zeros or +';
    throw usageError(what, `seen ${given}, wanted ${instead}`);
  }
}

function readText(given: string, what: string): string {
  const json = parseExactJson(given, what);
  if (typeof json === 'string') return json;
  throw usageError(what, `seen ${given}, wanted a text in double quotes`);
}

function readRecord(json: string): Context {
  const value = parseExactJson(json, '--context-json');
  if (typeof value !== 'object' || value === null || isList(value))
    throw usageError('--context-json', 'wanted a JSON object, such as {"mfa": true}');
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, cedarValue(member, `--context-json ${key}`)]),
  );
}
