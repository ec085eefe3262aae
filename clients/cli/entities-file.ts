import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EntityName, PlainValue, QuestionEntity } from '../sdk/index.ts';
import { usageError } from './cli-error.ts';
import { cedarValue, type ExactJson, isList, parseExactJson } from './exact-json.ts';

const what = '--entities';

/**
 * Reads documents of the calling application from a file, in Cedar's JSON form of entities: `[{"uid", "attrs", "parents", "tags"}]`.
 *
 * @throws CliError usage naming the place
 */
export function readEntities(path: string, cwd: string): readonly QuestionEntity[] {
  let text: string;
  try {
    text = readFileSync(resolve(cwd, path), 'utf8');
  } catch (cause) {
    throw usageError(what, `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const json = parseExactJson(text, what);
  if (!isList(json))
    throw usageError(what, 'wanted a list of entities, [{"uid": {"type", "id"}, "attrs": {…}}]');
  return json.map((entity, index) => readEntity(entity, `${what} [${index}]`));
}

function readEntity(json: ExactJson, place: string): QuestionEntity {
  const { uid, attrs = {}, parents = [], tags = {}, ...rest } = fieldsOf(json, place);
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw usageError(place, `seen ${JSON.stringify(extra)}, wanted one of uid, attrs, parents, tags`);
  if (!isList(parents)) throw usageError(`${place}.parents`, 'wanted a list of entity uids');
  return {
    uid: readName(uid, `${place}.uid`),
    attributes: readValues(attrs, `${place}.attrs`),
    parents: parents.map((parent, index) => readName(parent, `${place}.parents[${index}]`)),
    tags: readValues(tags, `${place}.tags`),
  };
}

function readValues(json: ExactJson, place: string): Readonly<Record<string, PlainValue>> {
  const values = Object.entries(fieldsOf(json, place));
  return Object.fromEntries(values.map(([name, value]) => [name, cedarValue(value, `${place}.${name}`)]));
}

/** Cedar takes a uid bare or as `{"__entity": …}`. */
function readName(json: ExactJson | undefined, place: string): EntityName {
  const outer = fieldsOf(json, place);
  const { type, id, ...rest } = '__entity' in outer ? fieldsOf(outer['__entity'], place) : outer;
  if (typeof type !== 'string' || typeof id !== 'string' || Object.keys(rest).length > 0)
    throw usageError(place, 'wanted {"type": "…", "id": "…"}');
  return { type, id };
}

function fieldsOf(json: ExactJson | undefined, place: string): Readonly<Record<string, ExactJson>> {
  if (typeof json === 'object' && json !== null && !isList(json)) return json;
  throw usageError(place, 'wanted a JSON object');
}
