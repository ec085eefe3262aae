import { joined, READS_NOTHING } from './context-reads.ts';
import type { Phase, PolicySet, PolicySource, Reads } from './policy-set.ts';
import { type Kind, policiesAbout } from './policies-about.ts';
import type { ActionShape } from './schema-shape.ts';

/**
 * What policies that could apply to questions of this kind read of `context.grant` beyond its presence. Grants that are the same in
 * all of it are the same to them.
 */
export function grantReads(policies: PolicySet, kind: Kind): Reads {
  const { contextReads } = readsAbout(policies, kind);
  return contextReads === 'whole' ? 'whole' : (contextReads.get('grant') ?? READS_NOTHING);
}

/**
 * Whether a policy that could apply to questions of this kind may read `context.now`, so that time alone could change the answer at
 * any instant. True when in doubt.
 */
export function mayReadNow(policies: PolicySet, kind: Kind): boolean {
  return kind.action.context.has('now') && reads(readsAbout(policies, kind).contextReads, 'now');
}

/**
 * The methods of signing in that policies which could apply to questions of this kind name; undefined when none of them may read
 * `context.auth`.
 */
export function signInMethods(policies: PolicySet, kind: Kind): readonly string[] | undefined {
  const { contextReads, methods } = readsAbout(policies, kind);
  return kind.action.context.has('auth') && reads(contextReads, 'auth') ? methods : undefined;
}

/** What policies that could apply to questions of this kind read of the context: nothing else in it can change the answer. */
export function contextReadsAbout(policies: PolicySet, kind: Kind): Reads {
  return readsAbout(policies, kind).contextReads;
}

/** Whether a policy that could apply to questions of this kind may read that field of `context.request`. True when in doubt. */
export function mayReadOfRequest(policies: PolicySet, kind: Kind, field: string): boolean {
  const { contextReads } = readsAbout(policies, kind);
  return contextReads === 'whole' || reads(contextReads.get('request') ?? READS_NOTHING, field);
}

/**
 * The ids of the policies that say nothing of questions of this kind unless there is a grant, when all others say the same with a
 * grant and without; undefined where that cannot be told.
 */
export function grantPolicies(policies: PolicySet, kind: Kind): ReadonlySet<string> | undefined {
  return readsAbout(policies, kind).grantPolicies;
}

interface ReadsAbout {
  readonly contextReads: Reads;
  readonly grantPolicies: ReadonlySet<string> | undefined;
  readonly methods: readonly string[];
}

/** By action, then by the types of principal and resource: looked up on every call, so no key is made of them. */
type Known = Map<ActionShape, Map<string, Map<string, ReadsAbout>>>;

const known: Readonly<Record<Phase, WeakMap<PolicySet, Known>>> = {
  access: new WeakMap(),
  workflows: new WeakMap(),
};

function readsAbout(policies: PolicySet, kind: Kind): ReadsAbout {
  const { phase, action, principalType, resourceType } = kind;
  const byAction = known[phase].get(policies);
  const found = byAction?.get(action)?.get(principalType)?.get(resourceType);
  if (found !== undefined) return found;
  const about = ofAll(policiesAbout(policies, kind));
  const ofSet: Known = byAction ?? new Map();
  const ofAction = ofSet.get(action) ?? new Map<string, Map<string, ReadsAbout>>();
  const ofPrincipals = ofAction.get(principalType) ?? new Map<string, ReadsAbout>();
  known[phase].set(policies, ofSet);
  ofSet.set(action, ofAction);
  ofAction.set(principalType, ofPrincipals);
  ofPrincipals.set(resourceType, about);
  return about;
}

function ofAll(policies: readonly PolicySource[]): ReadsAbout {
  const readers = policies.filter(({ contextReads }) => reads(contextReads, 'grant'));
  return {
    contextReads: policies.map((policy) => policy.contextReads).reduce(joined, READS_NOTHING),
    grantPolicies: readers.every(asksForGrant) ? new Set(readers.map(({ id }) => id)) : undefined,
    methods: [...new Set(policies.flatMap((policy) => policy.signInMethods))],
  };
}

function reads(contextReads: Reads, name: string): boolean {
  return contextReads === 'whole' || contextReads.has(name);
}

/** Whether it begins by asking whether there is a grant. */
function asksForGrant({ guards }: PolicySource): boolean {
  return guards.some((guard) => guard.about === 'context' && guard.attribute === 'grant' && guard.holds);
}
