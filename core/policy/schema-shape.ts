import { type EntityUid, uidKey } from '../access/entity.ts';

/** A Cedar type, common types resolved. */
export type TypeShape =
  | { readonly kind: 'bool' | 'long' | 'string' }
  | { readonly kind: 'entity'; readonly type: string }
  | { readonly kind: 'set'; readonly element: TypeShape }
  | { readonly kind: 'record'; readonly attributes: AttributesShape }
  | { readonly kind: 'extension'; readonly name: ExtensionName };

/** The constructor that makes a value of the extension type: the type `ipaddr` is made by `ip`. */
export type ExtensionName = 'ip' | 'decimal' | 'datetime' | 'duration';

export interface AttributeShape {
  readonly type: TypeShape;
  readonly required: boolean;
}

export type AttributesShape = ReadonlyMap<string, AttributeShape>;

export interface EntityTypeShape {
  /** With its namespace. */
  readonly name: string;
  /** Types that an entity of this one may have as parents. */
  readonly memberOf: readonly string[];
  readonly attributes: AttributesShape;
  /** The type of tag values, when the type has tags. */
  readonly tags?: TypeShape;
  /** Marked `@caller`: the entities belong to the calling application, not to the directory. */
  readonly isCaller: boolean;
  /** The ids there are, when the schema lists them. */
  readonly ids?: readonly string[];
}

export interface ActionShape {
  readonly uid: EntityUid;
  /** Direct groups. */
  readonly memberOf: readonly EntityUid[];
  readonly principalTypes: readonly string[];
  readonly resourceTypes: readonly string[];
  readonly context: AttributesShape;
  /** Its context declares `grant?: Curfew::Grant`. */
  readonly takesGrants: boolean;
}

/** What the schema declares, as plain data. */
export interface SchemaShape {
  readonly entityTypes: ReadonlyMap<string, EntityTypeShape>;
  /** By `uidKey`; Curfew's own actions included. */
  readonly actions: ReadonlyMap<string, ActionShape>;
  /** Types of `Curfew::AccessRequest.requester` and `.subject`: people. At most one today. */
  readonly personTypes: readonly string[];
  /** Types of `Curfew::AccessRequest.requesterService` and `.subjectService`: services. At most one today. */
  readonly serviceTypes: readonly string[];
  /** Fields of `Curfew::Grant`; empty when it is not declared. */
  readonly grantFields: AttributesShape;
  /** Fields of `Curfew::AccessRequest`; empty when it is not declared. */
  readonly requestFields: AttributesShape;
}

export const CURFEW_ACTION = 'Curfew::Action';

/** `Curfew::System::"curfew"`: the resource of questions about the installation itself. */
export const SYSTEM: EntityUid = { type: 'Curfew::System', id: 'curfew' };

export function isCurfewAction(uid: EntityUid): boolean {
  return uid.type === CURFEW_ACTION;
}

/** The action, or undefined when the schema does not declare it. An empty type means `Action`. */
export function actionOf(shape: SchemaShape, uid: EntityUid): ActionShape | undefined {
  return shape.actions.get(uidKey({ type: uid.type === '' ? 'Action' : uid.type, id: uid.id }));
}

/** The `Curfew::Action` of that id, or undefined when the schema does not declare it (then nobody is permitted it). */
export function curfewAction(shape: SchemaShape, id: string): ActionShape | undefined {
  return shape.actions.get(uidKey({ type: CURFEW_ACTION, id }));
}

/** The domain's action of that id: ids are unique over the domain's namespaces. */
export function domainActionById(shape: SchemaShape, id: string): ActionShape | undefined {
  return domainActions(shape).find((action) => action.uid.id === id);
}

/** All actions but Curfew's own, in the order of the schema's JSON. */
export function domainActions(shape: SchemaShape): readonly ActionShape[] {
  return [...shape.actions.values()].filter((action) => !isCurfewAction(action.uid));
}

/** The domain's actions that can be requested. */
export function grantTakingActions(shape: SchemaShape): readonly ActionShape[] {
  return domainActions(shape).filter((action) => action.takesGrants);
}

/** The grant-taking actions that the uid stands for: itself, or the members of an action group, direct and indirect. */
export function expandAction(shape: SchemaShape, uid: EntityUid): readonly ActionShape[] {
  const key = actionOf(shape, uid)?.uid;
  if (key === undefined) return [];
  return grantTakingActions(shape).filter(
    (action) =>
      uidKey(action.uid) === uidKey(key) ||
      actionAncestors(shape, action.uid).some((up) => uidKey(up) === uidKey(key)),
  );
}

/** All action groups above an action, nearest first, without itself. */
export function actionAncestors(shape: SchemaShape, uid: EntityUid): readonly EntityUid[] {
  const found = new Map<string, EntityUid>();
  const queue = [...(actionOf(shape, uid)?.memberOf ?? [])];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (found.has(uidKey(next))) continue;
    found.set(uidKey(next), next);
    queue.push(...(actionOf(shape, next)?.memberOf ?? []));
  }
  return [...found.values()];
}

/** Types whose entities callers send and the directory never holds. */
export function callerTypes(shape: SchemaShape): readonly string[] {
  return [...shape.entityTypes.values()].filter((type) => type.isCaller).map((type) => type.name);
}

/** The type in Cedar's notation, for messages: `Set<User>`; records inside records are only hinted at. */
export function formatType(type: TypeShape, depth = 0): string {
  switch (type.kind) {
    case 'bool':
      return 'Bool';
    case 'long':
      return 'Long';
    case 'string':
      return 'String';
    case 'entity':
      return type.type;
    case 'set':
      return `Set<${formatType(type.element, depth)}>`;
    case 'record': {
      if (depth > 0) return '{ … }';
      const fields = Array.from(
        type.attributes,
        ([name, { type: of, required }]) => `${name}${required ? '' : '?'}: ${formatType(of, depth + 1)}`,
      );
      return `{ ${fields.join(', ')} }`;
    }
    case 'extension':
      return type.name === 'ip' ? 'ipaddr' : type.name;
  }
}

/** Whether both types are the same, field by field. */
export function sameType(a: TypeShape, b: TypeShape): boolean {
  if (a.kind === 'set' && b.kind === 'set') return sameType(a.element, b.element);
  if (a.kind === 'entity' && b.kind === 'entity') return a.type === b.type;
  if (a.kind === 'extension' && b.kind === 'extension') return a.name === b.name;
  if (a.kind === 'record' && b.kind === 'record') {
    return (
      a.attributes.size === b.attributes.size &&
      [...a.attributes].every(([name, left]) => {
        const right = b.attributes.get(name);
        return right !== undefined && left.required === right.required && sameType(left.type, right.type);
      })
    );
  }
  return a.kind === b.kind;
}
