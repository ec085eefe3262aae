import { type Entity, sameUid, type Value } from '../access/entity.ts';
import { attributesToJson, entityToJson, uidToJson } from '../access/entity-json.ts';
import type { CedarInstance } from './cedar-instance.ts';
import type { ParsedPolicy } from './parse-policy.ts';
import type { EntityScope, PolicySource } from './policy-set.ts';
import {
  type ActionShape,
  type AttributesShape,
  actionAncestors,
  type ExtensionName,
  type SchemaShape,
  type TypeShape,
} from './schema-shape.ts';

const SAMPLE_ARGUMENT: Readonly<Record<ExtensionName, string>> = {
  ip: '192.0.2.1',
  decimal: '1.5',
  datetime: '2026-01-01T00:00:00Z',
  duration: '1h',
};

const MAX_SAMPLE_DEPTH = 6;

/**
 * Evaluates a policy once with everything there and once with only what is required, for one action it can apply to. What it
 * decides does not matter, whether it can be evaluated at all does. @throws whatever wasm throws when the policy kills it.
 */
export function probe(cedar: CedarInstance, shape: SchemaShape, { policy }: ParsedPolicy): void {
  const action = applicableAction(shape, policy);
  const uid = action?.uid ?? { type: 'Action', id: 'probe' };
  const parents = [...actionAncestors(shape, uid)];
  const actionEntity: Entity = { uid, attributes: new Map(), parents, tags: new Map() };
  for (const isFull of [true, false]) {
    const principal = sampleEntity(shape, policy.principal, action?.principalTypes[0], isFull);
    const resource = sampleEntity(shape, policy.resource, action?.resourceTypes[0], isFull);
    cedar.isAuthorized({
      principal: uidToJson(principal.uid),
      action: uidToJson(uid),
      resource: uidToJson(resource.uid),
      // Cedar's JSON as written by our own converters
      context: attributesToJson(sampleAttributes(action?.context ?? new Map(), isFull, 0)) as never,
      policies: { staticPolicies: { probe: policy.text } },
      entities: [principal, resource, actionEntity].map(entityToJson) as never, // as above
    });
  }
}

/** An action that the policy's head lets in, so that its conditions are evaluated too. */
function applicableAction(shape: SchemaShape, policy: PolicySource): ActionShape | undefined {
  const { action: scope } = policy;
  const named = scope.kind === 'equals' ? [scope.uid] : scope.kind === 'in' ? scope.uids : [];
  const fits = (scoped: EntityScope, types: readonly string[]): boolean =>
    types.length > 0 &&
    (scoped.kind === 'any' ||
      scoped.kind === 'in' ||
      types.includes('type' in scoped ? scoped.type : scoped.uid.type));
  return [...shape.actions.values()].find(
    ({ uid, principalTypes, resourceTypes }) =>
      fits(policy.principal, principalTypes) &&
      fits(policy.resource, resourceTypes) &&
      (scope.kind === 'any' ||
        [uid, ...actionAncestors(shape, uid)].some((up) => named.some((it) => sameUid(it, up)))),
  );
}

function sampleEntity(
  shape: SchemaShape,
  scope: ParsedPolicy['policy']['principal'],
  fallback: string | undefined,
  isFull: boolean,
): Entity {
  const parents = scope.kind === 'in' || scope.kind === 'isIn' ? [scope.uid] : [];
  const type = scope.kind === 'is' || scope.kind === 'isIn' ? scope.type : (fallback ?? 'Sample');
  const uid = scope.kind === 'equals' ? scope.uid : { type, id: 'sample' };
  const declared = shape.entityTypes.get(uid.type)?.attributes ?? new Map();
  return { uid, attributes: sampleAttributes(declared, isFull, 0), parents, tags: new Map() };
}

/** Attributes as declared: all, or those that must be there. @param depth how deep they are in records and sets; 0 = an entity's own */
export function sampleAttributes(
  declared: AttributesShape,
  isFull: boolean,
  depth: number,
): Map<string, Value> {
  const sample = new Map<string, Value>();
  if (depth > MAX_SAMPLE_DEPTH) return sample;
  for (const [name, { type, required }] of declared)
    if ((required || isFull) && sample.size < 100) sample.set(name, sampleValue(type, isFull, depth));
  return sample;
}

function sampleValue(type: TypeShape, isFull: boolean, depth: number): Value {
  switch (type.kind) {
    case 'bool':
      return { kind: 'bool', value: true };
    case 'long':
      return { kind: 'long', value: 1n };
    case 'string':
      return { kind: 'string', value: 'sample' };
    case 'entity':
      return { kind: 'entity', uid: { type: type.type, id: 'sample' } };
    case 'set':
      return {
        kind: 'set',
        values: depth > MAX_SAMPLE_DEPTH ? [] : [sampleValue(type.element, isFull, depth + 1)],
      };
    case 'record':
      return { kind: 'record', fields: sampleAttributes(type.attributes, isFull, depth + 1) };
    case 'extension':
      return { kind: 'extension', function: type.name, argument: SAMPLE_ARGUMENT[type.name] };
  }
}
