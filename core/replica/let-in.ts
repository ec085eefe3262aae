import { type EntityUid, sameUid } from '../access/entity.ts';
import type { Grant } from '../access/grant.ts';
import type { RequestFacts } from '../policy/curfew-context.ts';
import { workflowsOf } from '../policy/policy-set.ts';
import type { Replica } from './replica.ts';
import { requestFactsOf } from './request-facts.ts';
import { type Ask, ask, askInPassing, type RightQuestion, type Rules } from './rights.ts';

/** Whether a workflow lets somebody in; `unknown` when the policy engine gave no answer, which is no reason to end anything. */
export type Eligibility = 'in' | 'out' | 'unknown';

/** Somebody who is to be let in by one workflow. */
export interface Entrance extends Pick<RightQuestion, 'resource' | 'now'> {
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  /** Its id. */
  readonly workflow: string;
  readonly facts: RequestFacts;
}

/** Whether the `request` permit of the workflow lets the subject in, and `requestFor` the requester who asked for them. */
export function eligibility(rules: Rules, entrance: Entrance, asking: Ask = ask): Eligibility {
  const { requester, subject, resource, now, workflow, facts } = entrance;
  if (!rules.directory.has(subject) || !rules.directory.has(resource)) return 'out';
  const asked = { resource, now, request: facts };
  const own = asking(rules, { ...asked, right: 'request', principal: subject });
  if (own.failure !== undefined) return 'unknown';
  const open = own.decision === 'allow' ? workflowsOf(rules.engine.policies, own.policyIds, facts) : [];
  if (!open.some(({ id }) => id === workflow)) return 'out';
  if (sameUid(requester, subject)) return 'in';
  const forOther = asking(rules, { ...asked, right: 'requestFor', principal: requester });
  if (forOther.failure !== undefined) return 'unknown';
  return forOther.decision === 'allow' ? 'in' : 'out';
}

/** What may become of a grant that has not ended by policies and directory alone: `out` ends it. */
export function standing(rules: Rules, grant: Grant): Eligibility {
  return grant.terms.onChange === 'keep' ? 'in' : letIn(rules, grant);
}

/**
 * Whether the workflow of a grant would still let its subject in. The instant is the grant's start, so that the answer changes with
 * policies and directory and with nothing else.
 */
export function letIn(rules: Rules, grant: Grant): Eligibility {
  const { requester, subject, resource, workflow, startsAt: now } = grant;
  const entrance = { requester, subject, resource, workflow, now, facts: requestFactsOf(grant) };
  return eligibility(rules, entrance, askInPassing);
}

/** The same as `standing`, asked once of each grant while policies and directory stay as they are. */
export function keptStanding(rules: Rules & Pick<Replica, 'grants'>, grant: Grant): Eligibility {
  const known = keptOf(rules);
  // A grant that is claimed starts anew.
  const startsMs = grant.startsAt.getTime();
  const found = known.get(grant.id);
  if (found?.startsMs === startsMs) return found.standing;
  const fresh = standing(rules, grant);
  if (fresh === 'unknown') return fresh;
  // For each live grant one, and as many again of grants that have ended since.
  if (known.size >= Math.max(LEAST_KEPT, 2 * rules.grants.size)) known.clear();
  known.set(grant.id, { startsMs, standing: fresh });
  return fresh;
}

const LEAST_KEPT = 1_000;

interface KeptStanding {
  readonly startsMs: number;
  readonly standing: Eligibility;
}

interface Kept {
  readonly generation: number;
  /** By the grants' ids. */
  readonly standings: Map<string, KeptStanding>;
}

const kept = new WeakMap<Rules, Kept>();

function keptOf(rules: Rules): Map<string, KeptStanding> {
  const { generation } = rules;
  const found = kept.get(rules);
  if (found?.generation === generation) return found.standings;
  const standings = new Map<string, KeptStanding>();
  kept.set(rules, { generation, standings });
  return standings;
}
