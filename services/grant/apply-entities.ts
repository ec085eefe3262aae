import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type Entity, type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import { inOrder } from '../../core/access/entity-order.ts';
import { fitEntity } from '../../core/policy/check-question.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { deletedAmong, writeEntities } from '../../core/store/entities.ts';
import { liveGrantsOf } from '../../core/store/grants-of.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { type EntityViolation, entityChecker } from './check-entities.ts';
import { by, clockOfReads, type Decided, decidePlanned, type GrantContext } from './context.ts';
import { endIneligibleAmong, withInside } from './end-ineligible.ts';
import { takeTurns } from './give-way.ts';
import { requireSystemRight } from './rights.ts';
import { appliedEvent, type SaidEntity, say } from './said-entity.ts';

export interface Applied {
  /** How many entities are new or differ from before. */
  readonly changed: number;
  /** The grants that ended because of it so far: those of what changed and of what is inside of it. */
  readonly endedGrantIds: readonly string[];
}

export interface ApplyInput {
  readonly entities: readonly Entity[];
  /** Whether ids that were deleted before may come back. */
  readonly allowReuse: boolean;
}

/** Violations that an error carries at most. */
const MAX_VIOLATIONS = 100;
/** A thousand entities take many turns; revocations and votes get theirs in between. */
const TURN = { sliceMs: 5, restMs: 0 } as const;

/**
 * Creates or replaces entities, all or none.
 * @throws AccessError NOT_PERMITTED, FIELD_INVALID, ENTITY_DELETED
 */
export async function applyEntities(
  context: GrantContext,
  caller: EntityUid,
  input: ApplyInput,
): Promise<Decided<Applied>> {
  const { result, revision } = await write(context, caller, input);
  const endedGrantIds = await endIneligibleAmong(context, result.touchedGrantIds);
  return { result: { changed: result.changed, endedGrantIds }, revision };
}

interface Written {
  readonly changed: number;
  /** Live grants of what there was before and is different now, and of what is inside of that. */
  readonly touchedGrantIds: readonly string[];
}

async function write(
  context: GrantContext,
  caller: EntityUid,
  { entities, allowReuse }: ApplyInput,
): Promise<Decided<Written>> {
  const { replica } = context.followed;
  return await decidePlanned(by(context, caller), {
    plan: async () => {
      requireSystemRight(replica, caller, ['administer'], clockOfReads(context));
      return await planChanges(replica, entities);
    },
    work: async (trx, { changed, replaced }: Changes) => {
      const now = await readClock(trx);
      requireSystemRight(replica, caller, ['administer'], now);
      if (!allowReuse) await requireUnused(trx, entities);
      // Looked for before the change is there: whoever ends one of them after it does so because of it.
      const touchedGrantIds = await liveGrantsOf(trx, withInside(replica.directory, replaced));
      const result = () => ({ changed: changed.length, touchedGrantIds });
      if (changed.length === 0) return { events: [], result };
      await writeEntities(trx, changed);
      return { events: [appliedEvent(changed, uidKey(caller), now)], result };
    },
  });
}

interface Changes {
  readonly changed: readonly SaidEntity[];
  /** What there was before and is different now. */
  readonly replaced: readonly EntityUid[];
}

/** Checks the entities and finds those that are new or different; gives way. @throws AccessError FIELD_INVALID */
async function planChanges(replica: Replica, given: readonly Entity[]): Promise<Changes> {
  requireDistinct(given);
  const giveWay = takeTurns(TURN);
  const { directory } = replica;
  const { schema } = replica.engine.policies;
  const entities: Entity[] = [];
  for (const entity of given) {
    await giveWay();
    entities.push(fitEntity(schema, entity));
  }
  const check = entityChecker(entities, { schema, directory, source: 'this call' });
  const violations: EntityViolation[] = [];
  const changed: SaidEntity[] = [];
  const replaced: EntityUid[] = [];
  for (const [index, entity] of entities.entries()) {
    await giveWay();
    violations.push(...check(entity, index));
    const before = directory.get(entity.uid);
    if (before !== undefined && say(inOrder(before)).text === say(inOrder(entity)).text) continue;
    changed.push(say(entity));
    if (before !== undefined) replaced.push(entity.uid);
  }
  requireNone(violations, entities);
  return { changed, replaced };
}

function requireDistinct(entities: readonly Entity[]): void {
  const keys = new Set(entities.map((entity) => uidKey(entity.uid)));
  if (keys.size < entities.length) throw fieldError('entities', 'seen one entity twice, wanted each once');
}

/** @throws AccessError FIELD_INVALID */
function requireNone(found: readonly EntityViolation[], entities: readonly Entity[]): void {
  const violations = found.slice(0, MAX_VIOLATIONS).map(({ index, path, description }) => ({
    field: `entities[${index}].${path}`,
    description: `${description} (${nameOf(entities[index])})`,
  }));
  const [first] = violations;
  if (first === undefined) return;
  throw new AccessError('FIELD_INVALID', `${first.field}: ${first.description}`, { violations });
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
