import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import { sampleAttributes } from './probe.ts';
import type { SchemaShape } from './schema-shape.ts';

const known = new WeakMap<SchemaShape, Map<string, Attributes>>();

/**
 * An entity in the place of one that nobody knows, with what its type requires: to decide about it takes as long as about one that is
 * there. What is decided means nothing.
 */
export function standIn(schema: SchemaShape, uid: EntityUid): Entity {
  const byType = known.get(schema) ?? new Map<string, Attributes>();
  known.set(schema, byType);
  const declared = schema.entityTypes.get(uid.type)?.attributes ?? new Map();
  const attributes = byType.get(uid.type) ?? sampleAttributes(declared, false, 0);
  byType.set(uid.type, attributes);
  return { uid, attributes, parents: [], tags: new Map() };
}
