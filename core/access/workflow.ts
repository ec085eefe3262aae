import { RE2JS } from '@bufbuild/re2';

/** A named role that reviewers must fill; one person fills one seat. */
export interface Step {
  readonly name: string;
  /** Distinct people needed, at least 1. */
  readonly seats: number;
}

/** What a free text must be. A pattern is RE2 syntax and must match the whole text. */
export type TextRule =
  | { readonly kind: 'required' }
  | { readonly kind: 'optional' }
  | { readonly kind: 'pattern'; readonly pattern: string };

/** The terms under which a `request` permit lets an item in: plain data, copied into the item as it was shown. */
export interface Workflow {
  /** The `@id` of the `request` permit. */
  readonly id: string;
  readonly title: string;
  /** Empty when nobody need approve (`@approvals("none")`). */
  readonly steps: readonly Step[];
  readonly maxMs: number;
  readonly defaultMs: number;
  /** How long reviewers have. */
  readonly pendingMs: number;
  readonly rank: number;
  readonly reason: TextRule;
  readonly ticket: TextRule;
  /** What the comment of a review must be. */
  readonly comment: TextRule;
  /** Whether a grant begins with its approval (or at the time asked for), or with its first use. */
  readonly start: 'approval' | 'first-use';
  /** How long a grant may lie unclaimed that begins with its first use. */
  readonly claimMs: number;
  /** How far in the future a fixed start may be. */
  readonly aheadMs: number;
  /** How often a grant may be extended; together it lasts at most `maxMs` × (1 + this). */
  readonly extensions: number;
  /** How many uses a grant is good for; undefined = it is not counted. */
  readonly uses?: number | undefined;
  /** After how long unused a grant ends; undefined = it does not. */
  readonly idleMs?: number | undefined;
  /** Only for break-glass requests, which owe a review afterwards; undefined = for all others. */
  readonly breakGlass?: OwedTerms | undefined;
  /** Whoever's own request requester or subject approved within that time may not approve; undefined = they may. */
  readonly apartMs?: number | undefined;
  /** Whether a running grant ends when policies or directory would no longer let its subject in. */
  readonly onChange: 'end' | 'keep';
  /** Whose steps stand in for others once nobody has answered for so long. */
  readonly escalations: readonly Escalation[];
  /** The type that the permit's scope accepts by `is`; empty when it names none. A container may be requested only by a workflow that names its type. */
  readonly resourceTypes: readonly string[];
}

/** The review that break-glass owes afterwards. */
export interface OwedTerms {
  /** The step that must look. */
  readonly step: string;
  readonly withinMs: number;
}

/** Whoever may fill the step may fill any open seat of the item from then on. */
export interface Escalation {
  /** Since the request was made. */
  readonly afterMs: number;
  readonly step: string;
}

const HOUR_MS = 3_600_000;

/** What a workflow says that does not speak of it. */
export const DEFAULT_TERMS = {
  pendingMs: 24 * HOUR_MS,
  rank: 0,
  reason: { kind: 'required' },
  ticket: { kind: 'optional' },
  comment: { kind: 'optional' },
  start: 'approval',
  aheadMs: 7 * 24 * HOUR_MS,
  extensions: 0,
  onChange: 'end',
  escalations: [],
} as const satisfies Partial<Workflow>;

/** How long break-glass may go without its review. */
export const DEFAULT_REVIEW_WITHIN_MS = 24 * HOUR_MS;

/** All seats of all steps together; 0 when nobody need approve. */
export function seatCount(workflow: Workflow): number {
  return workflow.steps.reduce((sum, step) => sum + step.seats, 0);
}

/**
 * Orders workflows that match one request, the one to use first: highest rank, then most seats, then the shortest
 * `maxMs`, then the id.
 */
export function compareWorkflows(a: Workflow, b: Workflow): number {
  return (
    b.rank - a.rank ||
    seatCount(b) - seatCount(a) ||
    a.maxMs - b.maxMs ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** The workflow to use of those that match; undefined when none does. */
export function pickWorkflow(workflows: readonly Workflow[]): Workflow | undefined {
  return workflows.toSorted(compareWorkflows)[0];
}

/** The steps in the notation of `@approvals`: "owner:2, security", or "none". */
export function formatSteps(steps: readonly Step[]): string {
  if (steps.length === 0) return 'none';
  return steps.map((step) => (step.seats === 1 ? step.name : `${step.name}:${step.seats}`)).join(', ');
}

/** Says what is wrong with a text under a rule, as "must …"; undefined when nothing is. */
export function checkText(rule: TextRule, text: string | undefined): string | undefined {
  switch (rule.kind) {
    case 'optional':
      return undefined;
    case 'required':
      return text === undefined || text.trim() === '' ? 'must not be empty' : undefined;
    case 'pattern':
      return compilePattern(rule.pattern)?.testExact(text ?? '') === true
        ? undefined
        : `must match ${rule.pattern}`;
  }
}

/** Whether RE2 accepts the pattern; what it refuses (backreferences, lookaround) needs more than linear time. */
export function isPattern(pattern: string): boolean {
  return compilePattern(pattern) !== undefined;
}

function compilePattern(pattern: string): RE2JS | undefined {
  try {
    return new RE2JS(pattern);
  } catch {
    return undefined; // not RE2: no text can match it
  }
}
