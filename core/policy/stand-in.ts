import { type Attributes, type Entity, type EntityUid, sameUid } from '../access/entity.ts';
import { ancestorsOf, type EntityLookup } from './entity-closure.ts';
import { sampleAttributes } from './probe.ts';
import type { SchemaShape } from './schema-shape.ts';

const known = new WeakMap<SchemaShape, Map<string, Attributes>>();

/**
 * Finds an entity in the place of each that nobody knows, with what its type requires: to decide about it takes as long as about one
 * that is there. What is decided means nothing.
 */
export function withStandIns(
  schema: SchemaShape,
  lookup: EntityLookup,
  strangers: readonly EntityUid[],
): EntityLookup {
  const isStranger = (uid: EntityUid): boolean => strangers.some((stranger) => sameUid(stranger, uid));
  return Object.assign((uid: EntityUid) => (isStranger(uid) ? standIn(schema, uid) : lookup(uid)), {
    ancestorsOf: (uid: EntityUid) =>
      isStranger(uid) ? [] : (lookup.ancestorsOf?.(uid) ?? ancestorsOf(uid, lookup)),
  });
}

function standIn(schema: SchemaShape, uid: EntityUid): Entity {
  const byType = known.get(schema) ?? new Map<string, Attributes>();
  known.set(schema, byType);
  const declared = schema.entityTypes.get(uid.type)?.attributes ?? new Map();
  const attributes = byType.get(uid.type) ?? sampleAttributes(declared, false, 0);
  byType.set(uid.type, attributes);
  return { uid, attributes, parents: [], tags: new Map() };
}
