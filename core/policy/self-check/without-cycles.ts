import { type Entity, uidKey } from '../../access/entity.ts';

/** The same entities, but for the parents that lead back to their children: Cedar takes no cycle. */
export function withoutCycles(entities: readonly Entity[]): readonly Entity[] {
  const above = new Map<string, string[]>();
  const leadsTo = (from: string, to: string): boolean => {
    const reached = new Set([from]);
    for (const key of reached) for (const parent of above.get(key) ?? []) reached.add(parent); // grows while it is walked
    return reached.has(to);
  };
  return entities.map((entity) => {
    const key = uidKey(entity.uid);
    const kept: string[] = [];
    above.set(key, kept);
    const parents = entity.parents.filter((parent) => {
      const isGood = !leadsTo(uidKey(parent), key);
      if (isGood) kept.push(uidKey(parent));
      return isGood;
    });
    return { ...entity, parents };
  });
}
