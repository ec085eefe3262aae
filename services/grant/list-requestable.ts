import { fieldError } from '../../core/access/access-error.ts';
import { type Entity, type EntityUid, uidKey } from '../../core/access/entity.ts';
import { compareWorkflows, type Workflow } from '../../core/access/workflow.ts';
import { type ActionShape, curfewAction, grantTakingActions } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { matchingWorkflows } from './choose-workflow.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { type GiveWay, takeTurns } from './give-way.ts';
import { expandOne, mayContain } from './plan-items.ts';

/** What of all that the caller could ask for is listed. */
export interface RequestableFilter {
  readonly caller: EntityUid;
  /** Only resources with this in `type::id` or in their name; all if empty. */
  readonly search: string;
  /** Only this action or those of this group; all if undefined. */
  readonly action: EntityUid | undefined;
  /** Only this type; all if empty. */
  readonly type: string;
}

/** An action that the caller could ask for alone. */
export interface RequestableAction {
  readonly action: EntityUid;
  /** The one that would be used, then others of its rank. */
  readonly workflows: readonly Workflow[];
}

export interface Requestable {
  readonly resource: EntityUid;
  /** Empty when it has none. */
  readonly name: string;
  readonly actions: readonly RequestableAction[];
}

export interface ListedByKey<T> {
  readonly found: readonly T[];
  /** The key after which the next page goes on; undefined on the last. */
  readonly next: string | undefined;
}

/** Resources examined for one page. */
const MOST_EXAMINED = 2_000;
/** And the longest that examining them takes, on a slow machine. */
const LONGEST_MS = 500;

/**
 * What the caller could ask for, for themself and without a ticket, by the key of the resource. A page may be short and still have a
 * next one. @throws AccessError ACTION_UNKNOWN, ACTION_TAKES_NO_GRANT, ENTITY_TYPE_UNKNOWN
 */
export async function listRequestable(
  context: GrantContext,
  filter: RequestableFilter,
  page: { readonly after: string; readonly size: number },
  signal: AbortSignal,
): Promise<ListedByKey<Requestable>> {
  await catchUp(context);
  const { replica } = context.followed;
  const kinds = requestableKinds(replica, filter);
  const turns = takeTurns();
  const giveWay = (): Promise<void> => turns(signal);
  const coming = await firstAfter(replica, (entity) => isWanted(entity, kinds, filter), page.after, giveWay);
  const stopMs = performance.now() + LONGEST_MS;
  const found: Requestable[] = [];
  let last = page.after;
  for (const [key, resource] of coming) {
    await giveWay();
    if (found.length === page.size || performance.now() >= stopMs) return { found, next: last };
    const now = clockOfReads(context);
    const requestable = requestableOf(replica, filter.caller, { resource, kinds, now });
    if (requestable !== undefined) found.push(requestable);
    last = key;
  }
  return { found, next: coming.length < MOST_EXAMINED ? undefined : last };
}

/** An action as it can be asked for on resources of a type: on the resource itself, or on what is in it. */
interface Kind {
  readonly action: ActionShape;
  readonly isDirect: boolean;
}

/** Which actions there are to ask for, by the type of the resource. */
function requestableKinds(replica: Replica, filter: RequestableFilter): ReadonlyMap<string, readonly Kind[]> {
  const { schema, requestWorkflows } = replica.engine.policies;
  if (filter.type !== '' && !schema.entityTypes.has(filter.type))
    throw fieldError('type', `seen ${filter.type}, wanted a type of the schema`, 'ENTITY_TYPE_UNKNOWN');
  const all =
    filter.action === undefined ? grantTakingActions(schema) : expandOne(schema, filter.action, 'action');
  const actions = all.filter((action) => action.principalTypes.includes(filter.caller.type));
  const containers = new Set(requestWorkflows.flatMap((workflow) => workflow.resourceTypes));
  const types = (curfewAction(schema, 'request')?.resourceTypes ?? []).filter(
    (type) =>
      schema.entityTypes.get(type)?.isCaller === false && (filter.type === '' || filter.type === type),
  );
  const kindsOf = (type: string): readonly Kind[] =>
    actions.flatMap((action): readonly Kind[] => {
      if (action.resourceTypes.includes(type)) return [{ action, isDirect: true }];
      const holds =
        containers.has(type) && action.resourceTypes.some((inner) => mayContain(schema, type, inner));
      return holds ? [{ action, isDirect: false }] : [];
    });
  return new Map(types.map((type) => [type, kindsOf(type)]));
}

function isWanted(
  entity: Entity,
  kinds: ReadonlyMap<string, readonly Kind[]>,
  { search }: RequestableFilter,
): boolean {
  const { type, id } = entity.uid;
  if ((kinds.get(type)?.length ?? 0) === 0) return false;
  if (search === '') return true;
  const wanted = search.toLowerCase();
  return `${type}::${id}`.toLowerCase().includes(wanted) || nameOf(entity).toLowerCase().includes(wanted);
}

function nameOf({ attributes }: Entity): string {
  const name = attributes.get('name');
  return name?.kind === 'string' ? name.value : '';
}

/** The first of what is wanted after a key, in order of keys, without sorting the whole directory. */
async function firstAfter(
  { directory }: Replica,
  isWantedHere: (entity: Entity) => boolean,
  after: string,
  giveWay: GiveWay,
): Promise<readonly (readonly [key: string, entity: Entity])[]> {
  let kept: (readonly [string, Entity])[] = [];
  let highest: string | undefined;
  const trim = (): void => {
    kept.sort(([a], [b]) => (a < b ? -1 : 1));
    if (kept.length < MOST_EXAMINED) return;
    kept = kept.slice(0, MOST_EXAMINED);
    highest = kept.at(-1)?.[0];
  };
  for (const entity of directory.all()) {
    await giveWay();
    if (!isWantedHere(entity)) continue;
    const key = uidKey(entity.uid);
    if (key <= after || (highest !== undefined && key >= highest)) continue;
    kept.push([key, entity]);
    if (kept.length >= 2 * MOST_EXAMINED) trim();
  }
  trim();
  return kept;
}

function requestableOf(
  replica: Replica,
  caller: EntityUid,
  {
    resource: entity,
    kinds,
    now,
  }: {
    readonly resource: Entity;
    readonly kinds: ReadonlyMap<string, readonly Kind[]>;
    readonly now: Date;
  },
): Requestable | undefined {
  const resource = entity.uid;
  const anyTime = { durationMs: undefined, startsAt: undefined, breakGlass: false, extends: undefined };
  const terms = { id: '', requester: caller, subject: caller, reason: '', ticket: '', ...anyTime };
  const actions = (kinds.get(resource.type) ?? []).flatMap(({ action, isDirect }) => {
    const item = { resource, actions: [action.uid], isDirect };
    const matching = matchingWorkflows(replica, terms, item, now).toSorted(compareWorkflows);
    const workflows = matching.filter((workflow) => workflow.rank === matching[0]?.rank);
    return workflows.length === 0 ? [] : [{ action: action.uid, workflows }];
  });
  return actions.length === 0 ? undefined : { resource, name: nameOf(entity), actions };
}
