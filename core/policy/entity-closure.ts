import { type Attributes, type Entity, type EntityUid, uidKey, type Value } from '../access/entity.ts';
import type { EntityPath, PathStep } from './entity-paths.ts';
import type { Phase, PolicySet } from './policy-set.ts';

/** Finds an entity: of the directory, or sent by the caller. */
export interface EntityLookup {
  (uid: EntityUid): Entity | undefined;
  /** The same as `ancestorsOf`, where it need not be worked out. */
  readonly ancestorsOf?: (uid: EntityUid) => readonly EntityUid[];
}

/** What of a directory is needed here. */
interface Entities {
  get(uid: EntityUid): Entity | undefined;
  ancestorsOf(uid: EntityUid): readonly EntityUid[];
}

const lookups = new WeakMap<Entities, EntityLookup>();

/** Finds entities of the directory alone. */
export function lookIn(directory: Entities): EntityLookup {
  const known = lookups.get(directory);
  if (known !== undefined) return known;
  const lookup = Object.assign((uid: EntityUid) => directory.get(uid), {
    ancestorsOf: (uid: EntityUid) => directory.ancestorsOf(uid),
  });
  lookups.set(directory, lookup);
  return lookup;
}

export interface ClosureRoots {
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly context: Attributes;
}

/**
 * The entities that a question must bring so that policies decide as if they saw the whole directory: principal and
 * resource, and those that the set's policies read through attributes. Each has all its ancestors as `parents` (Cedar takes
 * parents that are not there), so the ancestors themselves need not come.
 */
export function entitiesFor(
  policies: PolicySet,
  phase: Phase,
  roots: ClosureRoots,
  lookup: EntityLookup,
): readonly Entity[] {
  const found = new Map<string, Entity>();
  const add = (uid: EntityUid): Entity | undefined => {
    const key = uidKey(uid);
    const known = found.get(key);
    if (known !== undefined) return known;
    const entity = lookup(uid);
    if (entity === undefined) return undefined;
    const closed = {
      uid,
      attributes: attributesNamed(entity.attributes, policies.attributesRead[phase]),
      parents: lookup.ancestorsOf?.(uid) ?? ancestorsOf(uid, lookup),
      tags: entity.tags,
    };
    found.set(key, closed);
    return closed;
  };
  add(roots.principal);
  add(roots.resource);
  for (const path of policies.entityPaths[phase]) follow(path, rootValue(path, roots), add);
  return [...found.values()];
}

/** Those of the names. Each attribute costs microseconds at the boundary to Cedar, and most are read by nobody. */
export function attributesNamed(attributes: Attributes, names: ReadonlySet<string>): Attributes {
  for (const name of attributes.keys()) if (!names.has(name)) return someNamed(attributes, names);
  return attributes;
}

function someNamed(attributes: Attributes, names: ReadonlySet<string>): Attributes {
  const named = new Map<string, Value>();
  for (const [name, value] of attributes) if (names.has(name)) named.set(name, value);
  return named;
}

/** All ancestors of an entity, nearest first, without itself; ends on a cycle too. */
export function ancestorsOf(uid: EntityUid, lookup: EntityLookup): readonly EntityUid[] {
  const found = new Map<string, EntityUid>();
  const queue = [...(lookup(uid)?.parents ?? [])];
  const own = uidKey(uid);
  for (let index = 0; index < queue.length; index++) {
    const parent = queue[index];
    const key = parent === undefined ? own : uidKey(parent);
    if (parent === undefined || key === own || found.has(key)) continue;
    found.set(key, parent);
    queue.push(...(lookup(parent)?.parents ?? []));
  }
  return [...found.values()];
}

function rootValue(path: EntityPath, roots: ClosureRoots): Value {
  if (path.root === 'context') return { kind: 'record', fields: roots.context };
  return { kind: 'entity', uid: typeof path.root === 'string' ? roots[path.root] : path.root };
}

function follow(path: EntityPath, root: Value, add: (uid: EntityUid) => Entity | undefined): void {
  let values: readonly Value[] = [root];
  for (const step of path.steps) values = values.flatMap((value) => takeStep(value, step, add));
  if (!path.needsEnd) return;
  for (const value of values) if (value.kind === 'entity') add(value.uid);
}

function takeStep(
  value: Value,
  step: PathStep,
  add: (uid: EntityUid) => Entity | undefined,
): readonly Value[] {
  const entity = value.kind === 'entity' ? add(value.uid) : undefined;
  if (step.kind === 'tag') return [...(entity?.tags.values() ?? [])];
  const fields = value.kind === 'record' ? value.fields : entity?.attributes;
  const next = fields?.get(step.name);
  return next === undefined ? [] : [next];
}
