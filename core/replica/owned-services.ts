import type { Directory } from '../access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../access/entity.ts';
import { accountsOf } from '../access/person.ts';
import type { Rules } from './rights.ts';

/** Attributes of a service that say who answers for it. */
const OWNER_ATTRIBUTES = ['owner', 'owners'];

/** Whether the person answers for the service: an account of theirs, or a group that one is inside of, is its owner. */
export function owns({ directory, engine }: Rules, person: EntityUid, service: EntityUid): boolean {
  if (!engine.policies.schema.serviceTypes.includes(service.type)) return false;
  const entity = directory.get(service);
  const owners = entity === undefined ? [] : ownersOf(entity);
  if (owners.length === 0) return false;
  const own = withGroups(directory, person);
  return owners.some((owner) => own.has(owner));
}

/** The keys of the services that the person answers for. */
export function servicesOf({ directory, engine }: Rules, person: EntityUid): readonly string[] {
  const owned = followOwners(directory);
  const types = engine.policies.schema.serviceTypes;
  return [...withGroups(directory, person)].flatMap((owner) =>
    types.flatMap((type) => owned.of(owner, type)),
  );
}

const followed = new WeakMap<Directory, OwnedIndex>();

/** Begins to note who owns what. What the directory has by then is walked through, so a process begins before it has anything. */
export function followOwners(directory: Directory): OwnedIndex {
  const known = followed.get(directory);
  if (known !== undefined) return known;
  const index = new OwnedIndex();
  for (const entity of directory.all()) index.applied(entity, undefined);
  directory.watch(index);
  followed.set(directory, index);
  return index;
}

/** What is owned by whom. */
class OwnedIndex {
  /** By owner and type: keys. */
  readonly #owned = new Map<string, Set<string>>();

  of(owner: string, type: string): readonly string[] {
    return [...(this.#owned.get(placeOf(owner, type)) ?? [])];
  }

  applied(entity: Entity, before: Entity | undefined): void {
    if (before !== undefined) this.removed(before);
    const key = uidKey(entity.uid);
    for (const place of placesOf(entity)) {
      const owned = this.#owned.get(place);
      if (owned === undefined) this.#owned.set(place, new Set([key]));
      else owned.add(key);
    }
  }

  removed(entity: Entity): void {
    for (const place of placesOf(entity)) {
      const owned = this.#owned.get(place);
      owned?.delete(uidKey(entity.uid));
      if (owned?.size === 0) this.#owned.delete(place);
    }
  }

  cleared(): void {
    this.#owned.clear();
  }
}

function placesOf(entity: Entity): readonly string[] {
  return ownersOf(entity).map((owner) => placeOf(owner, entity.uid.type));
}

/** Many resources may have the owner of a few services. */
function placeOf(owner: string, type: string): string {
  return `${type} of ${owner}`;
}

/** Keys. */
function ownersOf({ attributes }: Entity): readonly string[] {
  return OWNER_ATTRIBUTES.flatMap((name) => {
    const value = attributes.get(name);
    return value === undefined ? [] : named(value);
  });
}

function named(value: Value): readonly string[] {
  if (value.kind === 'set') return value.values.flatMap(named);
  return value.kind === 'entity' ? [uidKey(value.uid)] : [];
}

/** The keys of the person's accounts and of the groups that these are inside of. */
function withGroups(directory: Directory, person: EntityUid): ReadonlySet<string> {
  return new Set(
    accountsOf(directory, person).flatMap((account) => [...directory.selfAndAncestors(account)]),
  );
}
