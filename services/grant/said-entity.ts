import { createHash } from 'node:crypto';
import type { Entity } from '../../core/access/entity.ts';
import { entityToJson } from '../../core/access/entity-json.ts';
import type { EventOfKind } from '../../core/access/event.ts';

/** An entity as the ledger has it. */
export interface SaidEntity {
  readonly entity: Entity;
  /** Its JSON in Cedar's form. */
  readonly text: string;
}

export function say(entity: Entity): SaidEntity {
  return { entity, text: textOf(entity) };
}

/** Says that an actor created or replaced these. */
export function appliedEvent(
  entities: readonly SaidEntity[],
  actor: string,
  at: Date,
): EventOfKind<'ENTITIES_APPLIED'> {
  return {
    kind: 'ENTITIES_APPLIED',
    at,
    actor,
    entities: entities.map(({ entity, text }) => ({ uid: entity.uid, digest: digestOf(text) })),
    text: `[${entities.map(({ text }) => text).join(',')}]`,
  };
}

/** The SHA-256, in hexadecimal, of the entity's JSON. */
export function entityDigest(entity: Entity): string {
  return digestOf(textOf(entity));
}

function textOf(entity: Entity): string {
  return JSON.stringify(entityToJson(entity));
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
