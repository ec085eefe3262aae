/** Names one entity of the Cedar world, for example `User::"ada"`. */
export interface EntityUid {
  /** Cedar entity type, namespaces included: `Curfew::System`. */
  readonly type: string;
  readonly id: string;
}

/** A Cedar value. Integers are int64 and exact; nothing here is ever a double. */
export type Value =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'entity'; readonly uid: EntityUid }
  | { readonly kind: 'set'; readonly values: readonly Value[] }
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Value> }
  | { readonly kind: 'extension'; readonly function: string; readonly argument: string };

export type Attributes = ReadonlyMap<string, Value>;

/** An entity with its attributes, direct parents and tags, as the directory holds it. */
export interface Entity {
  readonly uid: EntityUid;
  readonly attributes: Attributes;
  readonly parents: readonly EntityUid[];
  readonly tags: Attributes;
}

/** A key for maps: equal for equal uids, different for different ones, whatever the id contains. */
export function uidKey({ type, id }: EntityUid): string {
  return `${type}::${ESCAPED.test(id) ? JSON.stringify(id) : `"${id}"`}`;
}

/** What JSON writes otherwise than as it is. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The uid in Cedar's own notation, for messages: `User::"ada"`. */
export function formatUid(uid: EntityUid): string {
  return uidKey(uid);
}

export function sameUid(a: EntityUid, b: EntityUid): boolean {
  return a.type === b.type && a.id === b.id;
}

/**
 * The uid that `uidKey` wrote.
 * @throws SyntaxError when the text is not a key
 */
export function parseUidKey(key: string): EntityUid {
  const at = key.indexOf('::"');
  if (at < 0) throw new SyntaxError(`not an entity uid: ${key}`);
  const id: unknown = JSON.parse(key.slice(at + 2));
  if (typeof id !== 'string') throw new SyntaxError(`not an entity uid: ${key}`);
  return { type: key.slice(0, at), id };
}
