import { fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import {
  type ActionShape,
  actionOf,
  domainActions,
  expandAction,
  type SchemaShape,
} from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';

/** One resource and the actions asked for on it, as the caller wrote them. */
export interface AskedItem {
  readonly resource: EntityUid;
  readonly actions: readonly EntityUid[];
  /** The workflow that the caller chose; the engine's choice if undefined. */
  readonly workflow: string | undefined;
}

/** An item with its action groups expanded. */
export interface ExpandedItem {
  readonly resource: EntityUid;
  readonly actions: readonly EntityUid[];
  /** Whether every action applies to the resource itself; else it is a container of resources that they apply to. */
  readonly isDirect: boolean;
}

/**
 * Checks what is asked against schema and directory.
 * @param field names the item in errors: `items[0]`
 * @throws AccessError ACTION_UNKNOWN, ACTION_TAKES_NO_GRANT, ENTITY_TYPE_UNKNOWN, ENTITY_UNKNOWN, FIELD_INVALID
 */
export function expandItem(
  replica: Replica,
  asked: AskedItem,
  subject: EntityUid,
  field: string,
): ExpandedItem {
  const { schema } = replica.engine.policies;
  const actions = expandActions(schema, asked.actions, field);
  requireResource(replica, schema, asked.resource, `${field}.resource`);
  for (const action of actions) requirePrincipalType(action, subject, field);
  const isDirect = actions.every((action) => action.resourceTypes.includes(asked.resource.type));
  if (!isDirect) requireContainer(schema, asked.resource, actions, field);
  return { resource: asked.resource, actions: actions.map((action) => action.uid), isDirect };
}

function expandActions(
  schema: SchemaShape,
  asked: readonly EntityUid[],
  field: string,
): readonly ActionShape[] {
  const expanded = asked.flatMap((uid, index) => expandOne(schema, uid, `${field}.actions[${index}]`));
  return [...new Map(expanded.map((action) => [uidKey(action.uid), action])).values()];
}

/** The grant-taking actions that an action or action group stands for. @throws AccessError ACTION_UNKNOWN, ACTION_TAKES_NO_GRANT */
export function expandOne(schema: SchemaShape, uid: EntityUid, field: string): readonly ActionShape[] {
  if (actionOf(schema, uid) === undefined || uid.type.startsWith('Curfew::')) {
    const known = domainActions(schema).map((action) => formatUid(action.uid));
    throw fieldError(
      field,
      `seen ${formatUid(uid)}, wanted an action of the schema: ${known.slice(0, 20).join(', ')}`,
      'ACTION_UNKNOWN',
    );
  }
  const members = expandAction(schema, uid);
  if (members.length > 0) return members;
  const description = `seen ${formatUid(uid)}, which takes no grant: its context would have to declare grant?: Curfew::Grant`;
  throw fieldError(field, description, 'ACTION_TAKES_NO_GRANT');
}

function requireResource(replica: Replica, schema: SchemaShape, resource: EntityUid, field: string): void {
  const type = schema.entityTypes.get(resource.type);
  if (type === undefined) {
    const known = [...schema.entityTypes.keys()].filter((name) => !name.startsWith('Curfew::'));
    throw fieldError(
      field,
      `seen the type ${resource.type}, wanted one of ${known.join(', ')}`,
      'ENTITY_TYPE_UNKNOWN',
    );
  }
  if (type.isCaller) {
    throw fieldError(
      field,
      `seen ${formatUid(resource)}, whose type belongs to applications (@caller); wanted a resource of the directory`,
    );
  }
  if (!replica.directory.has(resource)) {
    throw fieldError(
      field,
      `seen ${formatUid(resource)}, which the directory does not have`,
      'ENTITY_UNKNOWN',
    );
  }
}

function requirePrincipalType(action: ActionShape, subject: EntityUid, field: string): void {
  if (action.principalTypes.includes(subject.type)) return;
  const wanted = action.principalTypes.join(' or ');
  throw fieldError(
    `${field}.actions`,
    `seen ${formatUid(action.uid)} for a ${subject.type}, wanted a subject of type ${wanted}`,
  );
}

function requireContainer(
  schema: SchemaShape,
  resource: EntityUid,
  actions: readonly ActionShape[],
  field: string,
): void {
  const unreachable = actions.find(
    (action) =>
      !action.resourceTypes.some((type) => type === resource.type || mayContain(schema, resource.type, type)),
  );
  if (unreachable === undefined) return;
  const wanted = unreachable.resourceTypes.join(' or ');
  throw fieldError(
    `${field}.resource`,
    `seen ${formatUid(resource)}, wanted a ${wanted}, to which ${formatUid(unreachable.uid)} applies, or a container of one`,
  );
}

/** Whether an entity of the inner type can be inside one of the outer type, at any depth. */
export function mayContain(schema: SchemaShape, outer: string, inner: string): boolean {
  const above = new Set(schema.entityTypes.get(inner)?.memberOf ?? []);
  for (const type of above) for (const next of schema.entityTypes.get(type)?.memberOf ?? []) above.add(next);
  return above.has(outer);
}

/** @throws AccessError FIELD_INVALID when a resource is asked for twice */
export function requireDistinct(items: readonly AskedItem[]): void {
  const seen = new Set<string>();
  for (const [index, { resource }] of items.entries()) {
    const key = uidKey(resource);
    if (seen.has(key))
      throw fieldError(`items[${index}].resource`, `seen ${key} a second time, wanted each resource once`);
    seen.add(key);
  }
}
