import type { Entity } from '../../core/access/entity.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { type GiveWay, takeTurns } from './give-way.ts';

/** Which entities: those of a type (all when empty) that come after a key. */
export interface EntityPageRequest {
  readonly type: string;
  readonly after: string;
  readonly size: number;
}

export interface EntityPage {
  /** By key. */
  readonly entities: readonly Entity[];
  /** The key after which the next page begins; undefined on the last. */
  readonly next: string | undefined;
}

/** Reads pages of a replica's directory. */
export type EntityPages = (request: EntityPageRequest) => Promise<EntityPage>;

/** Keys that are sorted without giving way. */
const RUN = 2_000;
/** Others have their turns while many entities are sorted. */
const TURN = { sliceMs: 5, restMs: 0 } as const;

/** The directory is put in order once while it stays as it is, however many pages of it are read. */
export function createEntityPages(replica: Pick<Replica, 'directory' | 'generation'>): EntityPages {
  const { directory } = replica;
  let kept: { readonly generation: number; readonly keys: Promise<readonly string[]> } | undefined;
  const keysInOrder = (): Promise<readonly string[]> => {
    const { generation } = replica;
    if (kept?.generation !== generation) kept = { generation, keys: inOrder([...directory.keys()]) };
    return kept.keys;
  };
  return async ({ type, after, size }) => {
    const keys = await keysInOrder();
    const prefix = type === '' ? '' : `${type}::"`;
    const found: Entity[] = [];
    let last = after;
    for (let at = firstAfter(keys, after < prefix ? prefix : after); at < keys.length; at += 1) {
      const key = keys[at] ?? '';
      if (!key.startsWith(prefix)) break;
      if (found.length === size) return { entities: found, next: last };
      last = key;
      // It may have been deleted while the others were put in order.
      const entity = directory.at(key);
      if (entity !== undefined) found.push(entity);
    }
    return { entities: found, next: undefined };
  };
}

/** Where the first key stands that comes after this one. */
function firstAfter(keys: readonly string[], after: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function inOrder(keys: readonly string[]): Promise<readonly string[]> {
  const giveWay = takeTurns(TURN);
  let runs: (readonly string[])[] = [];
  for (let start = 0; start < keys.length; start += RUN) {
    await giveWay();
    runs.push(keys.slice(start, start + RUN).toSorted());
  }
  while (runs.length > 1) {
    const merged: (readonly string[])[] = [];
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], giveWay));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(
  a: readonly string[],
  b: readonly string[],
  giveWay: GiveWay,
): Promise<readonly string[]> {
  const merged: string[] = [];
  let [left, right] = [0, 0];
  while (left < a.length && right < b.length) {
    if (merged.length % RUN === 0) await giveWay();
    const [one = '', other = ''] = [a[left], b[right]];
    if (one < other) left += 1;
    else right += 1;
    merged.push(one < other ? one : other);
  }
  return merged.concat(a.slice(left), b.slice(right));
}
