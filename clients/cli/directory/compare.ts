import { type Entity, impliedText, parentsFirst, uidKey } from '../../../core/policy/directory-text.ts';
import type { EntityName } from '../../sdk/index.ts';

/** What applying a file makes of the directory. */
export interface Difference {
  /** Parents before what is inside of them. */
  readonly created: readonly Entity[];
  readonly changed: readonly Entity[];
  /** What the file does not have; empty unless it is to be pruned. */
  readonly deleted: readonly EntityName[];
  /** How many the directory has already as the file says. */
  readonly same: number;
  /** What has to be sent: `created` and `changed` in an order in which each comes after its parents. */
  readonly sent: readonly Entity[];
}

/** Holds a file against the directory as it is. */
export function compare(
  wanted: readonly Entity[],
  there: readonly Entity[],
  { prune }: { readonly prune: boolean },
): Difference {
  const known = new Map(there.map((entity) => [uidKey(entity.uid), entity]));
  const created: Entity[] = [];
  const changed: Entity[] = [];
  const sent: Entity[] = [];
  for (const entity of parentsFirst(wanted)) {
    const before = known.get(uidKey(entity.uid));
    if (before !== undefined && impliedText(before) === impliedText(entity)) continue;
    sent.push(entity);
    if (before === undefined) created.push(entity);
    else changed.push(entity);
  }
  const named = new Set(wanted.map((entity) => uidKey(entity.uid)));
  const extra = prune ? there.filter((entity) => !named.has(uidKey(entity.uid))) : [];
  return {
    created,
    changed,
    deleted: extra.map((entity) => entity.uid),
    same: wanted.length - sent.length,
    sent,
  };
}

/** Whether applying would do nothing. */
export function isSame({ sent, deleted }: Difference): boolean {
  return sent.length === 0 && deleted.length === 0;
}
