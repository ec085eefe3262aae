import type { Directory } from '../access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../access/entity.ts';

/** Awaited between two entities, so that other calls have their turn. */
type GiveWay = () => Promise<void>;

/**
 * The keys of the entities from which a path of attributes leads to one of the targets: the other way round than policies read it. The
 * first to ask for a path has the directory walked through; from then on each change of it is followed.
 * @param targets keys
 */
export async function entitiesLeadingTo(
  directory: Directory,
  path: readonly string[],
  targets: Iterable<string>,
  giveWay: GiveWay,
): Promise<ReadonlySet<string>> {
  if (path.length === 0) return new Set(targets);
  const found = new Set<string>();
  // A name may lead into a record of the same entity or on to another entity: each way to cut the path is tried.
  for (let at = 0; at < path.length; at += 1) {
    const referrers = await referrersBy(directory, path.slice(at), giveWay);
    const reached = new Set([...targets].flatMap((target) => [...referrers.of(target)]));
    if (reached.size === 0) continue;
    const starts = await entitiesLeadingTo(directory, path.slice(0, at), reached, giveWay);
    for (const key of starts) found.add(key);
  }
  return found;
}

const known = new WeakMap<Directory, Map<string, Promise<Referrers>>>();

async function referrersBy(
  directory: Directory,
  path: readonly string[],
  giveWay: GiveWay,
): Promise<Referrers> {
  const ofDirectory = known.get(directory) ?? new Map<string, Promise<Referrers>>();
  known.set(directory, ofDirectory);
  const key = JSON.stringify(path);
  const building = ofDirectory.get(key) ?? build(directory, path, giveWay);
  ofDirectory.set(key, building);
  return await building;
}

async function build(directory: Directory, path: readonly string[], giveWay: GiveWay): Promise<Referrers> {
  const referrers = new Referrers(path);
  // First, so that what changes while others have their turn is not missed; to take an entity twice does no harm.
  directory.watch(referrers);
  for (const entity of directory.all()) {
    await giveWay();
    referrers.applied(entity, undefined);
  }
  return referrers;
}

/** Which entities refer to which by an attribute, or by a field of a record in one. */
class Referrers {
  readonly #path: readonly string[];
  readonly #ofTarget = new Map<string, Set<string>>();

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  of(target: string): Iterable<string> {
    return this.#ofTarget.get(target) ?? [];
  }

  applied(entity: Entity, before: Entity | undefined): void {
    if (before !== undefined) this.removed(before);
    const targets = this.#targetsOf(entity);
    if (targets.length === 0) return;
    const source = uidKey(entity.uid);
    for (const target of targets.map(uidKey)) {
      const sources = this.#ofTarget.get(target);
      if (sources === undefined) this.#ofTarget.set(target, new Set([source]));
      else sources.add(source);
    }
  }

  removed(entity: Entity): void {
    const source = uidKey(entity.uid);
    for (const target of this.#targetsOf(entity).map(uidKey)) {
      const sources = this.#ofTarget.get(target);
      sources?.delete(source);
      if (sources?.size === 0) this.#ofTarget.delete(target);
    }
  }

  cleared(): void {
    this.#ofTarget.clear();
  }

  #targetsOf({ attributes }: Entity): readonly EntityUid[] {
    return within({ kind: 'record', fields: attributes }, this.#path);
  }
}

/** The entities that a path leads to without leaving the entity that the value is of. */
function within(value: Value, path: readonly string[]): readonly EntityUid[] {
  if (value.kind === 'set') return value.values.flatMap((each) => within(each, path));
  const [name, ...rest] = path;
  if (name === undefined) return value.kind === 'entity' ? [value.uid] : [];
  const next = value.kind === 'record' ? value.fields.get(name) : undefined;
  return next === undefined ? [] : within(next, rest);
}
