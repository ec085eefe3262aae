import { uidKey } from '../access/entity.ts';
import type { PolicySource } from './policy-set.ts';

/** Policies by an entity that the principal or the resource of a question must be, or be below, for them to matter. */
export interface Anchors<T> {
  /**
   * All that could matter to a question whose principal and resource are these keys or below them, in no order. Others may be among
   * them.
   */
  readonly near: (sides: Readonly<Record<Side, () => Iterable<string>>>) => T[];
}

type Side = 'principal' | 'resource';

/** An entity that a policy asks for. */
interface Anchor {
  readonly side: Side;
  /** Its `uidKey`. */
  readonly key: string;
}

/** Puts each policy at one of the entities that it asks for, the one that the fewest ask for, so that questions meet few in vain. */
export function createAnchors<T extends { readonly policy: PolicySource }>(
  policies: readonly T[],
): Anchors<T> {
  const asking = { principal: new Map<string, number>(), resource: new Map<string, number>() };
  const anchored = policies.map((each) => ({ each, anchors: anchorsOf(each.policy) }));
  const askingFor = ({ side, key }: Anchor): number => asking[side].get(key) ?? 0;
  for (const { anchors } of anchored)
    for (const anchor of anchors) asking[anchor.side].set(anchor.key, askingFor(anchor) + 1);
  const anywhere: T[] = [];
  const at = { principal: new Map<string, T[]>(), resource: new Map<string, T[]>() };
  for (const { each, anchors } of anchored) {
    const [rarest] = anchors.toSorted((one, other) => askingFor(one) - askingFor(other));
    if (rarest === undefined) anywhere.push(each);
    else listAt(at[rarest.side], rarest.key).push(each);
  }
  return {
    near(sides) {
      const found = [...anywhere];
      for (const side of ['principal', 'resource'] as const) {
        if (at[side].size === 0) continue;
        for (const key of sides[side]()) found.push(...(at[side].get(key) ?? []));
      }
      return found;
    },
  };
}

function anchorsOf({ principal, resource, guards }: PolicySource): readonly Anchor[] {
  const asked = [
    { about: 'principal', scope: principal, holds: true } as const,
    { about: 'resource', scope: resource, holds: true } as const,
    ...guards,
  ];
  return asked.flatMap((each) =>
    each.about !== 'context' && each.holds && 'uid' in each.scope
      ? { side: each.about, key: uidKey(each.scope.uid) }
      : [],
  );
}

function listAt<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const fresh: T[] = [];
  lists.set(key, fresh);
  return fresh;
}
