import { type Attributes, type Entity, type EntityUid, formatUid, uidKey } from '../access/entity.ts';
import {
  type Check,
  checkAttributes,
  checkUid,
  checkValue,
  newCheck,
  VALUE_LIMITS,
  type Violation,
  violate,
} from './check-value.ts';
import { suggest } from './closest.ts';
import {
  type ActionShape,
  actionOf,
  callerTypes,
  domainActions,
  type EntityTypeShape,
  isCurfewAction,
  type SchemaShape,
} from './schema-shape.ts';

export type { Violation } from './check-value.ts';
export { fitEntity } from './fit-entity.ts';

/** What a caller asks: may this principal do this action on this resource in this context. */
export interface CallerQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  /** Without `grant` and `now`, which Curfew supplies. */
  readonly context: Attributes;
  /** Of `@caller` types only. */
  readonly entities: readonly Entity[];
}

/** How many entities a caller may send with one question. */
export const MAX_CALLER_ENTITIES = 100;

/** What only Curfew puts into the context of a domain's action. */
const SUPPLIED = ['grant', 'now'] as const;

/** Everything that is wrong with a caller's question to the access set, before it may reach Cedar; empty when nothing is. */
export function checkQuestion(shape: SchemaShape, question: CallerQuestion): readonly Violation[] {
  const check = newCheck(shape);
  const action = checkAction(check, question.action);
  checkPart(check, 'principal', question.principal, action?.principalTypes);
  checkPart(check, 'resource', question.resource, action?.resourceTypes);
  for (const name of SUPPLIED)
    if (question.context.has(name))
      violate(check, `context.${name}`, 'a value', `nothing: Curfew supplies ${name}`);
  if (action !== undefined) checkContext(check, action, question.context);
  checkCallerEntities(check, question.entities);
  return check.violations;
}

/** Everything that is wrong with an entity that the directory should hold; empty when nothing is. Cycles among parents are not looked for. */
export function checkEntity(shape: SchemaShape, entity: Entity): readonly Violation[] {
  const check = newCheck(shape);
  const type = shape.entityTypes.get(entity.uid.type);
  if (type?.isCaller === true)
    violate(check, 'uid.type', entity.uid.type, 'a type of the directory: callers send entities of this one');
  else if (entity.uid.type.startsWith('Curfew::'))
    violate(check, 'uid.type', entity.uid.type, 'a type of your own: Curfew supplies its entities');
  checkBody(check, entity, type, '');
  return check.violations;
}

function checkAction(check: Check, uid: EntityUid): ActionShape | undefined {
  const action = actionOf(check.shape, uid);
  if (action !== undefined && !isCurfewAction(uid)) return action;
  const ids = domainActions(check.shape).map((it) => formatUid(it.uid));
  violate(
    check,
    'action',
    formatUid(uid),
    isCurfewAction(uid) ? 'an action of your own' : suggest(formatUid(uid), ids),
  );
  return undefined;
}

/** The types that the policies were validated for; others could make them err. */
function checkPart(
  check: Check,
  path: 'principal' | 'resource',
  uid: EntityUid,
  types: readonly string[] | undefined,
): void {
  const before = check.violations.length;
  checkUid(check, uid, path);
  if (check.violations.length > before || types === undefined || types.includes(uid.type)) return;
  const wanted =
    types.length === 0
      ? 'nothing: the action is a group'
      : `a type that the action applies to: ${types.join(', ')}`;
  violate(check, `${path}.type`, uid.type, wanted);
}

function checkContext(check: Check, action: ActionShape, context: Attributes): void {
  const isSent = ([name]: readonly [string, unknown]): boolean => name !== 'grant' && name !== 'now';
  const declared = new Map([...action.context].filter(isSent));
  const sent = new Map([...context].filter(isSent));
  checkAttributes(check, declared, sent, { path: 'context', depth: 0 });
}

function checkCallerEntities(check: Check, entities: readonly Entity[]): void {
  if (entities.length > MAX_CALLER_ENTITIES) {
    violate(check, 'entities', `${entities.length} entities`, `at most ${MAX_CALLER_ENTITIES}`);
    return;
  }
  const seen = new Set<string>();
  for (const [index, entity] of entities.entries()) {
    const path = `entities[${index}]`;
    const type = check.shape.entityTypes.get(entity.uid.type);
    if (type?.isCaller !== true) {
      const types = callerTypes(check.shape);
      const wanted =
        types.length === 0
          ? 'no entities: the schema marks no type @caller'
          : `a type marked @caller: ${types.join(', ')}`;
      violate(check, path, formatUid(entity.uid).slice(0, 200), wanted);
      continue;
    }
    if (seen.has(uidKey(entity.uid))) violate(check, path, 'an entity sent before', 'each entity once');
    seen.add(uidKey(entity.uid));
    const own = newCheck(check.shape);
    checkBody(own, entity, type, `${path}.`);
    for (const { path: at, seen: value, wanted } of own.violations) violate(check, at, value, wanted);
  }
}

function checkBody(check: Check, entity: Entity, type: EntityTypeShape | undefined, prefix: string): void {
  checkUid(check, entity.uid, `${prefix}uid`);
  if (type === undefined) return;
  checkAttributes(check, type.attributes, entity.attributes, { path: `${prefix}attributes`, depth: 0 });
  for (const [index, parent] of entity.parents.entries()) {
    const path = `${prefix}parents[${index}]`;
    if (type.memberOf.includes(parent.type)) checkUid(check, parent, path);
    else violate(check, path, formatUid(parent).slice(0, 200), wantedParent(type));
  }
  check.keys += entity.tags.size;
  if (check.keys > VALUE_LIMITS.keys)
    violate(check, `${prefix}tags`, `${check.keys} fields or more`, `at most ${VALUE_LIMITS.keys}`);
  for (const [name, value] of entity.tags) {
    const path = `${prefix}tags.${name.slice(0, 80)}`;
    if (type.tags === undefined) violate(check, path, 'a tag', `no tags: ${type.name} declares none`);
    else checkValue(check, type.tags, value, { path, depth: 0 });
  }
}

function wantedParent(type: EntityTypeShape): string {
  return type.memberOf.length === 0
    ? `no parents: ${type.name} is a member of nothing`
    : `a ${type.memberOf.join(' or ')}`;
}
