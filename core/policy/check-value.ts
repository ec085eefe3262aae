import type { Attributes, EntityUid, Value } from '../access/entity.ts';
import { isInt64 } from '../access/entity-json.ts';
import { suggest } from './closest.ts';
import { EXTENSION_EXAMPLES, isExtensionArgument } from './extension-syntax.ts';
import { type AttributesShape, formatType, type SchemaShape, type TypeShape } from './schema-shape.ts';

/** One thing that is wrong with a question or an entity: what stood where, and what was wanted. */
export interface Violation {
  /** `context.mfa`, `entities[2].attributes.owner`, `principal`. */
  readonly path: string;
  readonly seen: string;
  readonly wanted: string;
}

/** What a value may measure: far inside what cedar-wasm survives (nesting of 126 kills it). */
export const VALUE_LIMITS = {
  depth: 16,
  /** Fields of all records of a context, or of one entity, together. */
  keys: 200,
  /** Members of all sets together. */
  members: 1_000,
  /** UTF-16 units of a string; ids and names are strings, too. */
  stringLength: 16_384,
  idLength: 1_024,
} as const;

const MAX_VIOLATIONS = 20;

/** Collects violations and counts what has limits over a whole context or entity. */
export interface Check {
  readonly shape: SchemaShape;
  readonly violations: Violation[];
  keys: number;
  members: number;
}

export function newCheck(shape: SchemaShape): Check {
  return { shape, violations: [], keys: 0, members: 0 };
}

/** Notes a violation; of many only the first are kept. */
export function violate(check: Check, path: string, seen: string, wanted: string): void {
  if (check.violations.length < MAX_VIOLATIONS) check.violations.push({ path, seen, wanted });
}

/** Checks attributes against their declaration: required ones are there, others are declared, all are of their type. */
export function checkAttributes(
  check: Check,
  declared: AttributesShape,
  attributes: Attributes,
  place: { readonly path: string; readonly depth: number },
): void {
  const { path, depth } = place;
  check.keys += attributes.size;
  if (check.keys > VALUE_LIMITS.keys) {
    violate(check, path, `${check.keys} fields or more`, `at most ${VALUE_LIMITS.keys}`);
    return;
  }
  for (const [name, value] of attributes) {
    const attribute = declared.get(name);
    if (attribute === undefined) {
      violate(check, `${path}.${brief(name)}`, describeValue(value), undeclared(declared, name));
    } else {
      checkValue(check, attribute.type, value, { path: `${path}.${name}`, depth });
    }
  }
  for (const [name, { type, required }] of declared)
    if (required && !attributes.has(name)) violate(check, `${path}.${name}`, 'nothing', formatType(type));
}

/** Checks one value against its declared type. */
export function checkValue(
  check: Check,
  type: TypeShape,
  value: Value,
  place: { readonly path: string; readonly depth: number },
): void {
  const { path } = place;
  const depth = place.depth + 1;
  const mismatch = (wanted = formatType(type)): void => violate(check, path, describeValue(value), wanted);
  if (depth > VALUE_LIMITS.depth) {
    violate(check, path, `nesting ${depth} deep`, `at most ${VALUE_LIMITS.depth}`);
  } else if (type.kind === 'record' && value.kind === 'record') {
    checkAttributes(check, type.attributes, value.fields, { path, depth });
  } else if (type.kind === 'set' && value.kind === 'set') {
    check.members += value.values.length;
    if (check.members > VALUE_LIMITS.members)
      violate(check, path, `${check.members} members or more`, `at most ${VALUE_LIMITS.members}`);
    else
      for (const [index, member] of value.values.entries())
        checkValue(check, type.element, member, { path: `${path}[${index}]`, depth });
  } else if (type.kind === 'entity' && value.kind === 'entity') {
    if (value.uid.type === type.type) checkUid(check, value.uid, path);
    else mismatch();
  } else if (type.kind === 'extension' && value.kind === 'extension') {
    if (value.function !== type.name || !isExtensionArgument(type.name, value.argument))
      mismatch(EXTENSION_EXAMPLES[type.name]);
  } else if (type.kind === 'string' && value.kind === 'string') {
    checkText(check, value.value, path, VALUE_LIMITS.stringLength);
  } else if (type.kind === 'long' && value.kind === 'long') {
    if (!isInt64(value.value)) mismatch('an integer from -2^63 to 2^63-1');
  } else if (!(type.kind === 'bool' && value.kind === 'bool')) {
    mismatch();
  }
}

/** Checks a uid: its type is declared, its id is one that Cedar can hold. */
export function checkUid(check: Check, uid: EntityUid, path: string): void {
  const type = check.shape.entityTypes.get(uid.type);
  if (type === undefined) {
    violate(check, `${path}.type`, brief(uid.type), suggest(uid.type, [...check.shape.entityTypes.keys()]));
  } else if (type.ids !== undefined && !type.ids.includes(uid.id)) {
    violate(check, `${path}.id`, brief(uid.id), suggest(uid.id, type.ids));
  } else {
    checkText(check, uid.id, `${path}.id`, VALUE_LIMITS.idLength);
  }
}

/** A value for messages: short, and of a set or record only the kind. */
function describeValue(value: Value): string {
  switch (value.kind) {
    case 'bool':
    case 'long':
      return String(value.value);
    case 'string':
      return brief(value.value);
    case 'entity':
      return `${value.uid.type}::${brief(value.uid.id)}`;
    case 'set':
      return `a set of ${value.values.length}`;
    case 'record':
      return `a record of ${value.fields.size}`;
    case 'extension':
      return `${value.function}(${brief(value.argument)})`;
  }
}

function checkText(check: Check, text: string, path: string, maxLength: number): void {
  if (text.length > maxLength) violate(check, path, `${text.length} characters`, `at most ${maxLength}`);
  else if (!text.isWellFormed()) violate(check, path, 'a lone surrogate', 'well-formed Unicode');
}

function undeclared(declared: AttributesShape, name: string): string {
  return declared.size === 0
    ? 'no such field: there are none'
    : `no such field: ${suggest(name, [...declared.keys()])}`;
}

/** At most 80 characters, quoted, control characters and lone surrogates escaped. */
function brief(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
