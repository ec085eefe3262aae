import { createHash } from 'node:crypto';
import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type Entity, type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import { entityToJson } from '../../core/access/entity-json.ts';
import type { EventOfKind } from '../../core/access/event.ts';
import { fitEntity } from '../../core/policy/check-question.ts';
import type { SchemaShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { deletedAmong, writeEntities } from '../../core/store/entities.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { checkEntities } from './check-entities.ts';
import { by, decide, type Decided, type GrantContext } from './context.ts';
import { inOrder } from './entity-order.ts';
import { requireSystemRight } from './rights.ts';

export interface Applied {
  /** How many entities are new or differ from before. */
  readonly changed: number;
}

/** Violations that an error carries at most. */
const MAX_VIOLATIONS = 100;

/**
 * Creates or replaces entities, all or none.
 * @param allowReuse whether ids that were deleted before may come back
 * @throws AccessError NOT_PERMITTED, FIELD_INVALID, ENTITY_DELETED
 */
export async function applyEntities(
  context: GrantContext,
  caller: EntityUid,
  input: { readonly entities: readonly Entity[]; readonly allowReuse: boolean },
): Promise<Decided<Applied>> {
  const { replica } = context.followed;
  return await decide(by(context, caller), async (trx) => {
    const now = await readClock(trx);
    requireSystemRight(replica, caller, ['administer'], now);
    const { schema } = replica.engine.policies;
    const entities = input.entities.map((entity) => fitEntity(schema, entity));
    requireValid(replica, schema, entities);
    if (!input.allowReuse) await requireUnused(trx, entities);
    const changed = entities.filter((entity) => differs(replica, entity));
    if (changed.length === 0) return { events: [], result: () => ({ changed: 0 }) };
    await writeEntities(trx, changed);
    const event = appliedEvent(changed, uidKey(caller), now);
    return { events: [event], result: () => ({ changed: changed.length }) };
  });
}

/** Says that an actor created or replaced these. */
export function appliedEvent(
  entities: readonly Entity[],
  actor: string,
  at: Date,
): EventOfKind<'ENTITIES_APPLIED'> {
  return {
    kind: 'ENTITIES_APPLIED',
    at,
    actor,
    entities: entities.map((entity) => ({ uid: entity.uid, digest: entityDigest(entity) })),
    text: `[${entities.map(jsonOf).join(',')}]`,
  };
}

/** The SHA-256, in hexadecimal, of the entity's JSON. */
export function entityDigest(entity: Entity): string {
  return createHash('sha256').update(jsonOf(entity)).digest('hex');
}

function jsonOf(entity: Entity): string {
  return JSON.stringify(entityToJson(entity));
}

function requireValid(replica: Replica, schema: SchemaShape, entities: readonly Entity[]): void {
  const keys = new Set(entities.map((entity) => uidKey(entity.uid)));
  if (keys.size < entities.length) throw fieldError('entities', 'seen one entity twice, wanted each once');
  const { directory } = replica;
  const violations = checkEntities(entities, { schema, directory, source: 'this call' }).map(
    ({ index, path, description }) => ({
      field: `entities[${index}].${path}`,
      description: `${description} (${nameOf(entities[index])})`,
    }),
  );
  const [first] = violations;
  if (first === undefined) return;
  throw new AccessError('FIELD_INVALID', `${first.field}: ${first.description}`, {
    violations: violations.slice(0, MAX_VIOLATIONS),
  });
}

function nameOf(entity: Entity | undefined): string {
  return entity === undefined ? '' : formatUid(entity.uid);
}

async function requireUnused(trx: Trx, entities: readonly Entity[]): Promise<void> {
  const [deleted] = await deletedAmong(
    trx,
    entities.map((entity) => entity.uid),
  );
  if (deleted === undefined) return;
  throw new AccessError(
    'ENTITY_DELETED',
    `${deleted} was deleted; an id is not used again unless allow_reuse is said`,
    {
      metadata: { entity: deleted },
    },
  );
}

function differs(replica: Replica, entity: Entity): boolean {
  const before = replica.directory.get(entity.uid);
  return before === undefined || jsonOf(inOrder(before)) !== jsonOf(inOrder(entity));
}
