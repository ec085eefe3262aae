import { AccessError, fieldError } from '../../core/access/access-error.ts';
import {
  type Attributes,
  type EntityUid,
  formatUid,
  sameUid,
  uidKey,
  type Value,
} from '../../core/access/entity.ts';
import { checkQuestion } from '../../core/policy/check-question.ts';
import { suggest } from '../../core/policy/closest.ts';
import {
  type ActionShape,
  actionOf,
  callerTypes,
  domainActions,
  isCurfewAction,
  type SchemaShape,
} from '../../core/policy/schema-shape.ts';
import { showSeen } from '../../core/runtime/seen.ts';
import type { Question } from './question.ts';

/**
 * Checks a question against the schema, before anything of it may reach Cedar.
 * @returns the action asked about
 * @throws AccessError ACTION_UNKNOWN, ENTITY_TYPE_UNKNOWN, ENTITY_NOT_CALLERS, FIELD_INVALID
 */
export function checkAgainstSchema(schema: SchemaShape, question: Question): ActionShape {
  const { prefix } = question;
  const action = findAction(schema, question.action, `${prefix}action`);
  checkType(schema, question.principal, `${prefix}principal.type`);
  checkType(schema, question.resource, `${prefix}resource.type`);
  for (const [index, entity] of question.entities.entries()) {
    const field = `${prefix}entities[${index}].uid`;
    checkType(schema, entity.uid, `${field}.type`);
    checkBelongsToCallers(schema, entity.uid, field);
  }
  checkResourceSent(schema, question);
  checkContextSent(schema, question);
  checkAcyclic(question);
  const violations = checkQuestion(schema, question).map(({ path, seen, wanted }) => ({
    field: `${prefix}${path}`,
    description: `seen ${seen}, wanted ${wanted}`,
  }));
  if (violations.length > 0) {
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ');
    throw new AccessError('FIELD_INVALID', text, { violations });
  }
  return action;
}

/** The action, when it and the types of principal and resource are the schema's; nothing else of the question is checked. */
export function actionNamed(
  { entityTypes, actions }: SchemaShape,
  { principal, action, resource }: Question,
): ActionShape | undefined {
  const areKnown = entityTypes.has(principal.type) && entityTypes.has(resource.type);
  return areKnown && !isCurfewAction(action) ? actions.get(uidKey(action)) : undefined;
}

function findAction(schema: SchemaShape, uid: EntityUid, field: string): ActionShape {
  const action = isCurfewAction(uid) ? undefined : actionOf(schema, uid);
  if (action !== undefined) return action;
  const hint = suggest(
    formatUid(uid),
    domainActions(schema).map((each) => formatUid(each.uid)),
  );
  const description = `seen ${showUid(uid)}, which is no action of the domain's schema: ${hint}`;
  throw fieldError(field, description, 'ACTION_UNKNOWN');
}

function checkType(schema: SchemaShape, { type }: EntityUid, field: string): void {
  if (schema.entityTypes.has(type)) return;
  const known = [...schema.entityTypes.keys()].filter((name) => !name.startsWith('Curfew::'));
  const description = `seen ${showSeen(type)}, which is no entity type of the schema: ${suggest(type, known)}`;
  throw fieldError(field, description, 'ENTITY_TYPE_UNKNOWN');
}

function checkBelongsToCallers(schema: SchemaShape, uid: EntityUid, field: string): void {
  if (schema.entityTypes.get(uid.type)?.isCaller === true) return;
  const types = callerTypes(schema);
  const wanted =
    types.length === 0
      ? 'no entities: the schema marks no type @caller'
      : `only entities of ${types.join(', ')}`;
  throw fieldError(
    field,
    `seen ${showUid(uid)}, which belongs to the directory; wanted ${wanted}`,
    'ENTITY_NOT_CALLERS',
  );
}

/** A document whose facts stay behind would be decided as if it had none: a forbid that asks for its parents would not apply. */
function checkResourceSent(schema: SchemaShape, question: Question): void {
  const { resource, prefix } = question;
  if (isMissing(schema, question, resource)) throw notSent(resource, `${prefix}entities`);
}

/** What the context names is read as the resource is. */
function checkContextSent(schema: SchemaShape, question: Question): void {
  for (const [field, uid] of referencesIn(question.context, `${question.prefix}context`)) {
    if (isMissing(schema, question, uid)) throw notSent(uid, field);
  }
}

function isMissing(schema: SchemaShape, { entities }: Question, uid: EntityUid): boolean {
  const type = schema.entityTypes.get(uid.type);
  if (type?.isCaller !== true || entities.some((entity) => sameUid(entity.uid, uid))) return false;
  return type.memberOf.length > 0 || [...type.attributes.values()].some((attribute) => attribute.required);
}

function notSent(uid: EntityUid, field: string): AccessError {
  const seen = `${showUid(uid)} is of a type that belongs to callers`;
  return fieldError(field, `${seen} and is not sent, wanted it among the entities`);
}

/** Entities in a context, each with its place; nested no deeper than the conversion from the wire lets in. */
function* referencesIn(fields: Attributes, path: string): Iterable<readonly [string, EntityUid]> {
  for (const [name, value] of fields) yield* referencesOf(value, `${path}.${name}`);
}

function* referencesOf(value: Value, path: string): Iterable<readonly [string, EntityUid]> {
  if (value.kind === 'entity') yield [path, value.uid];
  else if (value.kind === 'record') yield* referencesIn(value.fields, path);
  else if (value.kind === 'set') {
    for (const [index, member] of value.values.entries()) yield* referencesOf(member, `${path}[${index}]`);
  }
}

function showUid(uid: EntityUid): string {
  return showSeen(formatUid(uid)).replaceAll('\\"', '"').slice(1, -1);
}

/** Cedar refuses a cycle by an error that costs the engine; a caller's own parents are the only place where one can come in. */
function checkAcyclic({ entities, prefix }: Question): void {
  const parents = new Map(entities.map((entity) => [uidKey(entity.uid), entity.parents.map(uidKey)]));
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (key: string): boolean => {
    if (done.has(key)) return true;
    if (open.has(key)) return false;
    open.add(key);
    const isGood = (parents.get(key) ?? []).every(visit);
    open.delete(key);
    done.add(key);
    return isGood;
  };
  for (const [index, entity] of entities.entries()) {
    if (visit(uidKey(entity.uid))) continue;
    const seen = `${showUid(entity.uid)} is its own ancestor`;
    throw fieldError(`${prefix}entities[${index}].parents`, `${seen}, wanted parents without a cycle`);
  }
}
