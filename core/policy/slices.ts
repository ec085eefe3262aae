import { RecentMap } from '../access/recent-map.ts';
import { joined, READS_NOTHING } from './context-reads.ts';
import { bothRead, type EntityReads, READS_NO_ENTITY } from './entity-reads.ts';
import type { RawEvaluation } from './evaluator.ts';
import type { Phase, PolicySet, PolicySource, Reads } from './policy-set.ts';
import type { AskedSet } from './serving-instance.ts';

/** Policies that are asked together, and what they read. */
export interface Slice {
  /** Their conditions, each once: policies that differ in their heads alone are one to Cedar, which never sees the heads. */
  readonly set: AskedSet;
  /** The policies that have the conditions which go by that name in the set. */
  readonly idsOf: ReadonlyMap<string, readonly string[]>;
  readonly contextReads: Reads;
  readonly entityReads: EntityReads;
}

/** How many slices are remembered; to make one again costs microseconds. */
const MOST_SLICES = 10_000;

/** Makes slices by the positions of their policies, each combination once. */
export function createSlices(policies: PolicySet): (phase: Phase, matching: readonly number[]) => Slice {
  const known = new RecentMap<Slice>(MOST_SLICES);
  const names = new Map<string, string>();
  for (const { conditions } of [...policies.access, ...policies.workflows])
    if (!names.has(conditions)) names.set(conditions, `c${names.size}`);
  return (phase, matching) => {
    const key = `${phase}:${matching.join()}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const slice = makeSlice(
      names,
      matching.flatMap((index) => policies[phase][index] ?? []),
    );
    known.set(key, slice);
    return slice;
  };
}

function makeSlice(names: ReadonlyMap<string, string>, policies: readonly PolicySource[]): Slice {
  const nameOf = ({ conditions }: PolicySource): string => names.get(conditions) ?? conditions;
  const byName = Map.groupBy(policies, nameOf);
  const sorted = [...byName.keys()].sort();
  const texts = Object.fromEntries(sorted.map((name) => [name, byName.get(name)?.[0]?.conditions ?? '']));
  return {
    set: { key: sorted.join(), texts: () => texts },
    idsOf: new Map(Array.from(byName, ([name, those]) => [name, those.map(({ id }) => id)])),
    contextReads: policies.map((policy) => policy.contextReads).reduce(joined, READS_NOTHING),
    entityReads: policies.map((policy) => policy.entityReads).reduce(bothRead, READS_NO_ENTITY),
  };
}

/** What was said of conditions, said of the policies that have them. */
export function inPolicies(raw: RawEvaluation, idsOf: Slice['idsOf']): RawEvaluation {
  if (raw.kind === 'failure') return raw;
  const policyIds = raw.policyIds.flatMap((name) => idsOf.get(name) ?? []);
  const errors = raw.errors.flatMap(({ policyId, message }) =>
    (idsOf.get(policyId) ?? []).map((id) => ({ policyId: id, message })),
  );
  return { kind: 'answer', decision: raw.decision, policyIds: policyIds.sort(), errors };
}
