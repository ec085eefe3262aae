import type { SchemaJson, Type } from '@cedar-policy/cedar-wasm/nodejs';
import { type EntityUid, uidKey } from '../access/entity.ts';
import {
  type ActionShape,
  type AttributeShape,
  type AttributesShape,
  CURFEW_ACTION,
  type EntityTypeShape,
  type ExtensionName,
  type SchemaShape,
  sameType,
  type TypeShape,
} from './schema-shape.ts';

/** Cedar's schema with every name resolved, as `schemaToJsonWithResolvedTypes` gives it. */
export type ResolvedSchema = SchemaJson<string>;

const EXTENSIONS: Readonly<Record<string, ExtensionName>> = {
  ipaddr: 'ip',
  decimal: 'decimal',
  datetime: 'datetime',
  duration: 'duration',
};

const PRIMITIVES: Readonly<Record<string, 'bool' | 'long' | 'string'>> = {
  Bool: 'bool',
  Boolean: 'bool',
  Long: 'long',
  String: 'string',
};

/** Turns a resolved schema that Cedar accepted into its shape. */
export function buildShape(json: ResolvedSchema): SchemaShape {
  const types = typeResolver(json);
  const grant = types.named('Curfew::Grant');
  const request = types.named('Curfew::AccessRequest');
  const requestFields: AttributesShape = request?.kind === 'record' ? request.attributes : new Map();
  return {
    entityTypes: entityTypesOf(json, types),
    actions: actionsOf(json, types, grant),
    personTypes: entityTypesAt(requestFields, ['requester', 'subject']),
    serviceTypes: entityTypesAt(requestFields, ['requesterService', 'subjectService']),
    grantFields: grant?.kind === 'record' ? grant.attributes : new Map(),
    requestFields,
  };
}

interface TypeResolver {
  readonly of: (type: Type<string>) => TypeShape;
  /** A common type by its full name. */
  readonly named: (name: string) => TypeShape | undefined;
  readonly attributes: (type: Type<string> | undefined) => AttributesShape;
}

/** Resolves common types, each once; Cedar has refused cycles. */
function typeResolver(json: ResolvedSchema): TypeResolver {
  const declared = new Map<string, Type<string>>();
  for (const [namespace, definition] of Object.entries(json))
    for (const [name, type] of Object.entries(definition.commonTypes ?? {}))
      declared.set(qualify(namespace, name), type);
  const resolved = new Map<string, TypeShape>();

  const named = (name: string): TypeShape | undefined => {
    const known = resolved.get(name);
    const type = declared.get(name);
    if (known !== undefined || type === undefined) return known;
    const shape = of(type);
    resolved.set(name, shape);
    return shape;
  };
  const of = (type: Type<string>): TypeShape => {
    if (type.type === 'Set' && 'element' in type) return { kind: 'set', element: of(type.element) };
    if (type.type === 'Record' && 'attributes' in type)
      return { kind: 'record', attributes: recordAttributes(type.attributes) };
    if (type.type === 'Entity' && 'name' in type) return { kind: 'entity', type: type.name };
    const name = type.type === 'Extension' && 'name' in type ? type.name : type.type;
    return named(name) ?? builtin(name);
  };
  const recordAttributes = (fields: Record<string, Type<string> & { required?: boolean }>): AttributesShape =>
    new Map(
      Object.entries(fields).map(([name, field]): [string, AttributeShape] => [
        name,
        { type: of(field), required: field.required ?? true },
      ]),
    );
  const attributes = (type: Type<string> | undefined): AttributesShape => {
    const shape = type === undefined ? undefined : of(type);
    return shape?.kind === 'record' ? shape.attributes : new Map();
  };
  return { of, named, attributes };
}

function builtin(name: string): TypeShape {
  const bare = name.replace(/^__cedar::/, '');
  const primitive = Object.hasOwn(PRIMITIVES, bare) ? PRIMITIVES[bare] : undefined;
  if (primitive !== undefined) return { kind: primitive };
  const extension = Object.hasOwn(EXTENSIONS, bare) ? EXTENSIONS[bare] : undefined;
  if (extension !== undefined) return { kind: 'extension', name: extension };
  throw new Error(`Cedar left type ${name} unresolved`);
}

function entityTypesOf(json: ResolvedSchema, types: TypeResolver): ReadonlyMap<string, EntityTypeShape> {
  const found = new Map<string, EntityTypeShape>();
  for (const [namespace, definition] of Object.entries(json)) {
    for (const [id, type] of Object.entries(definition.entityTypes)) {
      const name = qualify(namespace, id);
      const isCaller = Object.hasOwn(type.annotations ?? {}, 'caller');
      if ('enum' in type) {
        found.set(name, { name, memberOf: [], attributes: new Map(), isCaller, ids: type.enum });
        continue;
      }
      const attributes = types.attributes(type.shape);
      const memberOf = type.memberOfTypes ?? [];
      const tags = type.tags === undefined ? {} : { tags: types.of(type.tags) };
      found.set(name, { name, memberOf, attributes, isCaller, ...tags });
    }
  }
  return found;
}

function actionsOf(
  json: ResolvedSchema,
  types: TypeResolver,
  grant: TypeShape | undefined,
): ReadonlyMap<string, ActionShape> {
  const found = new Map<string, ActionShape>();
  for (const [namespace, definition] of Object.entries(json)) {
    for (const [id, action] of Object.entries(definition.actions)) {
      const uid: EntityUid = { type: qualify(namespace, 'Action'), id };
      const context = types.attributes(action.appliesTo?.context);
      const declared = context.get('grant');
      found.set(uidKey(uid), {
        uid,
        memberOf: (action.memberOf ?? []).map((group) => ({
          type: group.type ?? qualify(namespace, 'Action'),
          id: group.id,
        })),
        principalTypes: action.appliesTo?.principalTypes ?? [],
        resourceTypes: action.appliesTo?.resourceTypes ?? [],
        context,
        takesGrants:
          uid.type !== CURFEW_ACTION &&
          declared !== undefined &&
          !declared.required &&
          grant !== undefined &&
          sameType(declared.type, grant),
      });
    }
  }
  return found;
}

function entityTypesAt(fields: AttributesShape, names: readonly string[]): readonly string[] {
  const types = names.flatMap((name) => {
    const type = fields.get(name)?.type;
    return type?.kind === 'entity' ? [type.type] : [];
  });
  return [...new Set(types)];
}

function qualify(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}::${name}`;
}
