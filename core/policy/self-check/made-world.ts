import { type Attributes, type Entity, type EntityUid, uidKey } from '../../access/entity.ts';
import { madeAttributes, madeValue, type Making, type Optional, uidsIn } from './made-values.ts';
import { withoutCycles } from './without-cycles.ts';

/** How many entities one question has around it at most. */
const MAX_ENTITIES = 40;
const TAG = 'tag';

export interface WorldOf {
  readonly making: Making;
  readonly optional: Optional;
  /** What each is to be directly inside of, by `uidKey`. */
  readonly parents: ReadonlyMap<string, readonly EntityUid[]>;
  readonly context: Attributes;
}

/** A small directory around a question: what it names, and what that leads to by attributes, tags and parents. */
export function madeWorld({ making, optional, parents, context }: WorldOf): readonly Entity[] {
  const { schema, draws, sides, constants } = making;
  const world = new Map<string, Entity>();
  const wanted = [
    ...sides,
    ...[...parents.values()].flat(),
    ...uidsIn(context),
    ...constants.entities.filter(() => draws.oneIn(2)),
  ];
  for (const uid of wanted) {
    const key = uidKey(uid);
    const type = schema.entityTypes.get(uid.type);
    if (world.has(key) || type === undefined || type.ids !== undefined) continue;
    if (world.size >= MAX_ENTITIES) break;
    const attributes = madeAttributes(type.attributes, optional, making);
    const { tags: tag } = type;
    const hasTag = tag !== undefined && (optional === 'all' || draws.oneIn(2));
    const names = [draws.pick(constants.strings) ?? TAG];
    const tags = new Map(hasTag ? names.map((name) => [name, madeValue(tag, optional, making)]) : []);
    world.set(key, { uid, attributes, parents: parents.get(key) ?? [], tags });
    wanted.push(...uidsIn(attributes), ...uidsIn(tags)); // grows while it is walked
  }
  return withoutCycles([...world.values()]);
}
