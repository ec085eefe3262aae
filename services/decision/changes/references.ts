import type { DirectoryWatcher } from '../../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';

/** Stands for every tag. */
const TAGS = Symbol('tags');

type Name = string | typeof TAGS;

/** What policies read of entities, to find others by. */
export interface Read {
  /** Of attributes. */
  readonly names: Iterable<string>;
  readonly tags: boolean;
}

/** Which entities of a directory refer to which, by an attribute, at any depth inside it, or by a tag. */
export class References implements DirectoryWatcher {
  /** By name, then by the entity referred to, keys of those that do. */
  readonly #byName = new Map<Name, Map<string, Set<string>>>();

  readonly applied = (entity: Entity, before: Entity | undefined): void => {
    if (before !== undefined) this.removed(before);
    const source = uidKey(entity.uid);
    for (const [name, target] of referencesOf(entity)) {
      const byTarget = this.#byName.get(name) ?? new Map<string, Set<string>>();
      this.#byName.set(name, byTarget);
      const sources = byTarget.get(target);
      if (sources === undefined) byTarget.set(target, new Set([source]));
      else sources.add(source);
    }
  };

  readonly removed = (entity: Entity): void => {
    const source = uidKey(entity.uid);
    for (const [name, target] of referencesOf(entity)) {
      const byTarget = this.#byName.get(name);
      const sources = byTarget?.get(target);
      sources?.delete(source);
      if (sources?.size === 0) byTarget?.delete(target);
    }
  };

  readonly cleared = (): void => this.#byName.clear();

  /** Keys of the entities that refer to this one by something that is read. */
  *to(target: string, { names, tags }: Read): Iterable<string> {
    for (const name of names) yield* this.#byName.get(name)?.get(target) ?? [];
    if (tags) yield* this.#byName.get(TAGS)?.get(target) ?? [];
  }
}

function* referencesOf({ attributes, tags }: Entity): Iterable<readonly [Name, string]> {
  for (const [name, value] of attributes) for (const uid of uidsIn(value)) yield [name, uidKey(uid)];
  for (const value of tags.values()) for (const uid of uidsIn(value)) yield [TAGS, uidKey(uid)];
}

function* uidsIn(value: Value): Iterable<EntityUid> {
  if (value.kind === 'entity') yield value.uid;
  else if (value.kind === 'set') for (const member of value.values) yield* uidsIn(member);
  else if (value.kind === 'record') for (const field of value.fields.values()) yield* uidsIn(field);
}
