import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import type { SchemaShape } from './schema-shape.ts';

/** One thing that is wrong with a question, for the caller: what stood where, and what was wanted. */
export interface Violation {
  /** `context.mfa`, `entities[2].attributes.owner`, `principal`. */
  readonly path: string;
  readonly seen: string;
  readonly wanted: string;
}

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

/** Everything that is wrong with a caller's question to the access set, before it may reach Cedar; empty when nothing is. */
export function checkQuestion(_shape: SchemaShape, _question: CallerQuestion): readonly Violation[] {
  throw new Error('not there yet');
}

/** Everything that is wrong with an entity that the directory should hold; empty when nothing is. */
export function checkEntity(_shape: SchemaShape, _entity: Entity): readonly Violation[] {
  throw new Error('not there yet');
}

/** The entity with `{type, id}` records and strings read as the entities and extension values that the schema declares in their place. */
export function fitEntity(_shape: SchemaShape, _entity: Entity): Entity {
  throw new Error('not there yet');
}
