import type { EntityUid } from '../access/entity.ts';
import type { Workflow } from '../access/workflow.ts';
import type { RequestFacts } from './curfew-context.ts';
import type { EntityReads } from './entity-reads.ts';
import type { EntityPath } from './entity-paths.ts';
import type { SchemaShape } from './schema-shape.ts';

/** The two sets: `access` (folders access/ and guardrails/) answers the domain's actions, `workflows` Curfew's own. */
export type Phase = 'access' | 'workflows';

/** What a policy's head says about the principal or the resource. */
export type EntityScope =
  | { readonly kind: 'any' }
  | { readonly kind: 'is'; readonly type: string }
  | { readonly kind: 'isIn'; readonly type: string; readonly uid: EntityUid }
  | { readonly kind: 'equals' | 'in'; readonly uid: EntityUid };

/** What a policy's head says about the action. */
export type ActionScope =
  | { readonly kind: 'any' }
  | { readonly kind: 'equals'; readonly uid: EntityUid }
  | { readonly kind: 'in'; readonly uids: readonly EntityUid[] };

/** One of the things that a policy's conditions ask first, and that the question itself answers: `context has grant`. */
export type Guard =
  | { readonly about: 'principal' | 'resource'; readonly scope: EntityScope; readonly holds: boolean }
  | { readonly about: 'context'; readonly attribute: string; readonly holds: boolean };

/** Which fields of a record are read, by name, and which of theirs; `whole` when the record is used as a value. */
export type Reads = 'whole' | ReadonlyMap<string, Reads>;

/** One policy as it stands in its file. */
export interface PolicySource {
  /** Its `@id`. */
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly text: string;
  /** By name; an annotation without a value is "". */
  readonly annotations: ReadonlyMap<string, string>;
  readonly file: string;
  /** Where its first token stands, 1-based. */
  readonly line: number;
  readonly column: number;
  readonly principal: EntityScope;
  readonly action: ActionScope;
  readonly resource: EntityScope;
  /** The policy neither applies nor errs unless each of them comes out as `holds` says. */
  readonly guards: readonly Guard[];
  /** Whether its conditions ask nothing else: where head and guards hold, it applies and does not err. */
  readonly isGuardsOnly: boolean;
  /** What its conditions read of the context; nothing else in it can change what the policy says. */
  readonly contextReads: Reads;
  /** The policy without its head and annotations: the same wherever the head lets a question in. */
  readonly conditions: string;
  /** What its conditions read of entities. */
  readonly entityReads: EntityReads;
  /** The methods of signing in that its conditions name. */
  readonly signInMethods: readonly string[];
}

/**
 * Where people who can satisfy a policy are to be looked for. Whoever satisfies the policy is one of these entities or
 * below one of them; the reverse does not hold, so each candidate is still asked about.
 */
export type CandidateSource =
  | { readonly kind: 'everyone' }
  /** That entity and what is below it. */
  | { readonly kind: 'entity'; readonly uid: EntityUid }
  /** The entity, or the entities of the set, that the path leads to, and what is below them: `resource.owners`. */
  | { readonly kind: 'path'; readonly root: 'resource' | 'context'; readonly path: readonly string[] };

/** One `approve` permit: whoever it permits may fill the step. */
export interface Approval {
  readonly policyId: string;
  readonly step: string;
  /** All sources together bound the people whom the policy can permit. */
  readonly candidates: readonly CandidateSource[];
}

/** A policy folder that passed every check: plain data that survives `structuredClone`. */
export interface PolicySet {
  /** SHA-256 of the files, hex. */
  readonly digest: string;
  readonly schema: SchemaShape;
  /** Folders access/ and guardrails/, by file and place. */
  readonly access: readonly PolicySource[];
  readonly workflows: readonly PolicySource[];
  /** The workflow of each `request` permit; its `id` is the policy's. */
  readonly requestWorkflows: readonly Workflow[];
  readonly approvals: readonly Approval[];
  /** How the policies of a phase read entities other than principal and resource; `entitiesFor` follows them. */
  readonly entityPaths: Readonly<Record<Phase, readonly EntityPath[]>>;
  /** The attributes that the policies of a phase read of anything; `entitiesFor` leaves out all others. */
  readonly attributesRead: Readonly<Record<Phase, ReadonlySet<string>>>;
}

/** The policy of that id in either set. */
export function policyById(policies: PolicySet, id: string): PolicySource | undefined {
  return (
    policies.access.find((policy) => policy.id === id) ??
    policies.workflows.find((policy) => policy.id === id)
  );
}

/** The workflow of that id. */
export function workflowById(policies: PolicySet, id: string): Workflow | undefined {
  return policies.requestWorkflows.find((workflow) => workflow.id === id);
}

/** The workflows among determining policies of a `request` decision: those made for break-glass, or those that are not. */
export function workflowsOf(
  policies: PolicySet,
  policyIds: readonly string[],
  { breakGlass }: Pick<RequestFacts, 'breakGlass'>,
): readonly Workflow[] {
  return policies.requestWorkflows
    .filter((workflow) => policyIds.includes(workflow.id))
    .filter((workflow) => (workflow.breakGlass !== undefined) === breakGlass);
}

/** The steps that a reviewer may fill, from the determining policies of an `approve` decision; each once. */
export function stepsOf(policies: PolicySet, policyIds: readonly string[]): readonly string[] {
  return [
    ...new Set(policies.approvals.filter((it) => policyIds.includes(it.policyId)).map((it) => it.step)),
  ];
}

/** The `@advice` of the policies named, in their order. */
export function adviceOf(policies: PolicySet, policyIds: readonly string[]): readonly string[] {
  return policyIds.flatMap((id) => policyById(policies, id)?.annotations.get('advice') ?? []);
}
