import { parseDuration } from '../access/duration.ts';
import type { Attributes, Entity, EntityUid, Value } from '../access/entity.ts';
import { suggest } from './closest.ts';
import {
  type ActionShape,
  type AttributesShape,
  actionOf,
  curfewAction,
  domainActionById,
  formatType,
  type SchemaShape,
  type TypeShape,
} from './schema-shape.ts';
import { describeTree, YamlError, type YamlTree } from './yaml-tree.ts';

type YamlMap = YamlTree & { readonly kind: 'map' };

const UID = /^((?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)::("(?:[^"\\]|\\.)*")$/;

/** The map, all of whose keys are known. @throws YamlError */
export function mapOf(tree: YamlTree, what: string, known: readonly string[]): YamlMap {
  if (tree.kind !== 'map') throw unwanted(tree, what);
  for (const [key, value] of tree.entries)
    if (!known.includes(key))
      throw new YamlError(value.offset, `unknown key \`${key}\` in ${what}`, suggest(key, known));
  return tree;
}

/** The value of a key that must be there. @throws YamlError */
export function required(map: YamlMap, key: string, what: string): YamlTree {
  const tree = map.entries.get(key);
  if (tree === undefined) throw new YamlError(map.offset, `${what} without \`${key}\``);
  return tree;
}

/** @throws YamlError */
export function textOf(tree: YamlTree, wanted = 'text'): string {
  if (tree.kind === 'scalar' && typeof tree.value === 'string') return tree.value;
  throw unwanted(tree, wanted);
}

/** @throws YamlError */
export function oneOf<T extends string>(tree: YamlTree, words: readonly T[]): T {
  const text = textOf(tree, words.join(' or '));
  const word = words.find((it) => it === text);
  if (word === undefined) throw unwanted(tree, words.join(' or '));
  return word;
}

/** @throws YamlError */
export function textsOf(tree: YamlTree, wanted = 'a list of texts'): readonly string[] {
  return listOf(tree, wanted).map((item) => textOf(item));
}

/** @throws YamlError */
export function listOf(tree: YamlTree, wanted: string): readonly YamlTree[] {
  if (tree.kind !== 'list') throw unwanted(tree, wanted);
  return tree.items;
}

/** @throws YamlError */
export function instantOf(tree: YamlTree): Date {
  const at = new Date(textOf(tree, 'an instant'));
  if (Number.isNaN(at.getTime())) throw unwanted(tree, 'an instant such as 2026-06-01T09:00:00Z');
  return at;
}

/** @throws YamlError */
export function durationOf(tree: YamlTree): number {
  const ms = parseDuration(textOf(tree, 'a duration such as 1h30m'));
  if (ms === undefined || ms <= 0)
    throw new YamlError(tree.offset, `seen ${describeTree(tree)}, wanted a duration such as 1h30m`);
  return ms;
}

/** @throws YamlError */
export function booleanOf(tree: YamlTree): boolean {
  if (tree.kind === 'scalar' && typeof tree.value === 'boolean') return tree.value;
  throw new YamlError(tree.offset, `seen ${describeTree(tree)}, wanted true or false`);
}

/** @throws YamlError */
export function integerOf(tree: YamlTree): bigint {
  if (tree.kind === 'scalar' && typeof tree.value === 'bigint') return tree.value;
  throw new YamlError(tree.offset, `seen ${describeTree(tree)}, wanted an integer`);
}

/** What the reader makes of the value, if there is one. */
export function optional<T>(tree: YamlTree | undefined, read: (tree: YamlTree) => T): T | undefined {
  return tree === undefined ? undefined : read(tree);
}

/** What is read where an optional map is missing. */
export function emptyMap(at: YamlTree): YamlTree {
  return { kind: 'map', offset: at.offset, entries: new Map() };
}

/** What is read where an optional list is missing. */
export function emptyList(at: YamlTree): YamlTree {
  return { kind: 'list', offset: at.offset, items: [] };
}

/** Reads `User::"ada"` or `{type: User, id: ada}`. @throws YamlError */
export function uidOf(tree: YamlTree): EntityUid {
  if (tree.kind === 'map') {
    const map = mapOf(tree, 'an entity uid', ['type', 'id']);
    return {
      type: textOf(required(map, 'type', 'an entity uid')),
      id: textOf(required(map, 'id', 'an entity uid')),
    };
  }
  const [, type, quoted] =
    UID.exec(tree.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : '') ?? [];
  if (type === undefined || quoted === undefined) throw unwanted(tree, 'an entity such as User::"ada"');
  try {
    return { type, id: String(JSON.parse(quoted)) };
  } catch {
    throw unwanted(tree, 'an entity such as User::"ada"'); // an escape that JSON does not have
  }
}

/** Reads an action: its id, when only one has it, or its uid. @throws YamlError */
export function actionAt(shape: SchemaShape, tree: YamlTree): ActionShape {
  const names = [...shape.actions.values()].map(({ uid }) => `${uid.type}::${JSON.stringify(uid.id)}`);
  const text = tree.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : '';
  if (tree.kind === 'map' || UID.test(text)) {
    const uid = uidOf(tree);
    const action = actionOf(shape, uid);
    if (action !== undefined) return action;
    throw new YamlError(
      tree.offset,
      `unknown action ${describeTree(tree)}`,
      suggest(`${uid.type}::"${uid.id}"`, names),
    );
  }
  const own = domainActionById(shape, text);
  const curfews = curfewAction(shape, text);
  if (own !== undefined && curfews !== undefined)
    throw new YamlError(
      tree.offset,
      `\`${text}\` is an action of yours and one of Curfew's, wanted the full name`,
    );
  const action = own ?? curfews;
  if (action !== undefined) return action;
  const ids = [...shape.actions.values()].map(({ uid }) => uid.id);
  throw new YamlError(tree.offset, `unknown action ${describeTree(tree)}`, suggest(text, ids));
}

/** Reads an entity {uid, attrs, parents, tags}, its values as the schema declares them. @throws YamlError */
export function entityOf(shape: SchemaShape, tree: YamlTree): Entity {
  const map = mapOf(tree, 'an entity', ['uid', 'attrs', 'parents', 'tags']);
  const uid = uidOf(required(map, 'uid', 'an entity'));
  const type = shape.entityTypes.get(uid.type);
  if (type === undefined)
    throw new YamlError(
      map.offset,
      `unknown entity type ${uid.type}`,
      suggest(uid.type, [...shape.entityTypes.keys()]),
    );
  const [attrs, parents, tags] = ['attrs', 'parents', 'tags'].map((key) => map.entries.get(key));
  return {
    uid,
    attributes: attrs === undefined ? new Map() : attributesOf(type.attributes, attrs),
    parents: parents === undefined ? [] : listOf(parents, 'a list of entities').map(uidOf),
    tags: tags === undefined ? new Map() : tagsOf(type.tags, tags),
  };
}

/** Reads attributes as they are declared; required ones may be missing. @throws YamlError */
export function attributesOf(declared: AttributesShape, tree: YamlTree): Attributes {
  const map = mapOf(tree, 'the attributes', [...declared.keys()]);
  const attributes = new Map<string, Value>();
  for (const [name, value] of map.entries) {
    const type = declared.get(name)?.type;
    if (type !== undefined) attributes.set(name, valueOf(type, value));
  }
  return attributes;
}

function tagsOf(type: TypeShape | undefined, tree: YamlTree): Attributes {
  if (type === undefined || tree.kind !== 'map')
    throw unwanted(tree, type === undefined ? 'no tags' : 'a map of tags');
  return new Map(Array.from(tree.entries, ([name, value]) => [name, valueOf(type, value)]));
}

function valueOf(type: TypeShape, tree: YamlTree): Value {
  const scalar = tree.kind === 'scalar' ? tree.value : undefined;
  if (type.kind === 'bool' && typeof scalar === 'boolean') return { kind: 'bool', value: scalar };
  if (type.kind === 'long' && typeof scalar === 'bigint') return { kind: 'long', value: scalar };
  if (type.kind === 'string' && typeof scalar === 'string') return { kind: 'string', value: scalar };
  if (type.kind === 'extension' && typeof scalar === 'string')
    return { kind: 'extension', function: type.name, argument: scalar };
  if (type.kind === 'entity' && (typeof scalar === 'string' || tree.kind === 'map'))
    return { kind: 'entity', uid: uidOf(tree) };
  if (type.kind === 'set' && tree.kind === 'list')
    return { kind: 'set', values: tree.items.map((item) => valueOf(type.element, item)) };
  if (type.kind === 'record' && tree.kind === 'map')
    return { kind: 'record', fields: attributesOf(type.attributes, tree) };
  throw unwanted(tree, formatType(type));
}

function unwanted(tree: YamlTree, wanted: string): YamlError {
  return new YamlError(tree.offset, `seen ${describeTree(tree)}, wanted ${wanted}`);
}
