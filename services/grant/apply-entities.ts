import { createHash } from 'node:crypto';
import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type Entity, type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import { entityToJson } from '../../core/access/entity-json.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { checkEntity, fitEntity } from '../../core/policy/check-question.ts';
import type { SchemaShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { deletedAmong, writeEntities } from '../../core/store/entities.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { decide, type Decided, type GrantContext } from './context.ts';
import { requireSystemRight } from './rights.ts';

/** Who changes the directory: a caller, whose right is asked, or the installation itself when it reads its own files. */
export type DirectoryActor =
  | { readonly kind: 'caller'; readonly uid: EntityUid }
  | { readonly kind: 'system'; readonly uid: EntityUid };

export interface Applied {
  /** How many entities are new or differ from before. */
  readonly changed: number;
}

/**
 * Creates or replaces entities, all or none.
 * @param allowReuse whether ids that were deleted before may come back
 * @throws AccessError NOT_PERMITTED, FIELD_INVALID, ENTITY_DELETED
 */
export async function applyEntities(
  context: GrantContext,
  actor: DirectoryActor,
  input: { readonly entities: readonly Entity[]; readonly allowReuse: boolean },
): Promise<Decided<Applied>> {
  const { replica } = context.followed;
  return await decide(context, async (trx) => {
    const now = await readClock(trx);
    if (actor.kind === 'caller') requireSystemRight(replica, actor.uid, ['administer'], now);
    const { schema } = replica.engine.policies;
    const entities = input.entities.map((entity) => fitEntity(schema, entity));
    requireValid(replica, schema, entities);
    if (!input.allowReuse) await requireUnused(trx, entities);
    const changed = entities.filter((entity) => differs(replica, entity));
    if (changed.length === 0) return { events: [], result: () => ({ changed: 0 }) };
    await writeEntities(trx, changed);
    const event = appliedEvent(changed, uidKey(actor.uid), now);
    return { events: [event], result: () => ({ changed: changed.length }) };
  });
}

function requireValid(replica: Replica, schema: SchemaShape, entities: readonly Entity[]): void {
  const known = new Set(entities.map((entity) => uidKey(entity.uid)));
  if (known.size < entities.length) throw fieldError('entities', 'seen one entity twice, wanted each once');
  const violations = entities.flatMap((entity, index) => [
    ...checkEntity(schema, entity).map(({ path, seen, wanted }) => ({
      field: `entities[${index}].${path}`,
      description: `seen ${seen}, wanted ${wanted} (${formatUid(entity.uid)})`,
    })),
    ...entity.parents
      .filter((parent) => !known.has(uidKey(parent)) && !replica.directory.has(parent))
      .map((parent) => ({
        field: `entities[${index}].parents`,
        description: `seen ${formatUid(parent)}, which neither the directory nor this call has (${formatUid(entity.uid)})`,
      })),
    ...cycleOf(replica, entities, entity).map((description) => ({
      field: `entities[${index}].parents`,
      description,
    })),
  ]);
  const [first] = violations;
  if (first === undefined) return;
  throw new AccessError('FIELD_INVALID', `${first.field}: ${first.description}`, {
    violations: violations.slice(0, 100),
  });
}

/** Whether the entity would be inside itself once all of these are applied. */
function cycleOf(replica: Replica, entities: readonly Entity[], entity: Entity): readonly string[] {
  const changed = new Map(entities.map((it) => [uidKey(it.uid), it]));
  const above = new Set(entity.parents.map(uidKey));
  const uids = new Map(entity.parents.map((parent) => [uidKey(parent), parent]));
  for (const key of above) {
    const uid = uids.get(key);
    const parents =
      (changed.get(key) ?? (uid === undefined ? undefined : replica.directory.get(uid)))?.parents ?? [];
    for (const parent of parents) {
      uids.set(uidKey(parent), parent);
      above.add(uidKey(parent));
    }
  }
  return above.has(uidKey(entity.uid)) ? [`${formatUid(entity.uid)} would be inside itself`] : [];
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
  return before === undefined || canonical(before) !== canonical(entity);
}

/** Equal for entities that say the same, whatever the order in which they say it. */
function canonical(entity: Entity): string {
  const sorted = (attributes: Entity['attributes']): Entity['attributes'] =>
    new Map([...attributes].sort(([a], [b]) => (a < b ? -1 : 1)));
  const parents = entity.parents.toSorted((a, b) => (uidKey(a) < uidKey(b) ? -1 : 1));
  return JSON.stringify(
    entityToJson({
      uid: entity.uid,
      attributes: sorted(entity.attributes),
      parents,
      tags: sorted(entity.tags),
    }),
  );
}

function appliedEvent(entities: readonly Entity[], actor: string, now: Date): LedgerEvent {
  const json = entities.map((entity) => JSON.stringify(entityToJson(entity)));
  return {
    kind: 'ENTITIES_APPLIED',
    at: now,
    actor,
    entities: entities.map((entity, index) => ({
      uid: entity.uid,
      digest: createHash('sha256')
        .update(json[index] ?? '')
        .digest('hex'),
    })),
    text: `[${json.join(',')}]`,
  };
}
