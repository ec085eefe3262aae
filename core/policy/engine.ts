import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import type { Phase, PolicySet } from './policy-set.ts';

/** A question as Cedar gets it. */
export interface EngineQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  /** Complete: what Curfew supplies (`now`, `grant`, `request`) included. */
  readonly context: Attributes;
  /** Principal and resource with their ancestors, and whatever the policies read of other entities. Actions are supplied by the engine. */
  readonly entities: Iterable<Entity>;
}

export interface PolicyError {
  readonly policyId: string;
  readonly message: string;
}

/** What the engine makes of one question. It permits only without any error: a policy that errs is skipped by Cedar, and it may have been a forbid. */
export interface Evaluation {
  readonly decision: 'allow' | 'deny';
  /** On allow every permit that applied, on deny every forbid that applied (none: nothing permits it), by id. */
  readonly policyIds: readonly string[];
  /** Policies that erred; any makes the decision a deny. */
  readonly errors: readonly PolicyError[];
  /** Cedar gave no answer (a trap, a throw, a refusal of the input); the decision is then a deny. For the log, not for callers. */
  readonly failure?: string;
}

/** What Cedar answered, before Curfew's error rules: never grant access by it. */
export type RawEvaluation =
  | {
      readonly kind: 'answer';
      readonly decision: 'allow' | 'deny';
      readonly policyIds: readonly string[];
      readonly errors: readonly PolicyError[];
    }
  | { readonly kind: 'failure'; readonly message: string };

export interface EngineOptions {
  /** Told of each failure and of each instance that is replaced. */
  readonly onFailure?: (message: string) => void;
  /** Throws after which an instance is replaced (default 50; each leaks wasm stack). */
  readonly maxThrows?: number;
}

/** Evaluates one policy set. Synchronous; safe to drop when a newer set is in force. */
export interface Engine {
  readonly policies: PolicySet;
  /** Never throws. Expects a question that `checkQuestion` passed; survives others. */
  evaluate(phase: Phase, question: EngineQuestion): Evaluation;
  /** Cedar's own answer, for conformance tests and tools. */
  evaluateRaw(phase: Phase, question: EngineQuestion): RawEvaluation;
  /** Whether a decision with a known answer still comes out right; replaces the instance when it does not. */
  checkCanary(): boolean;
  /** Instances replaced so far. */
  readonly replacedInstances: number;
}

/** Makes an engine for a set that `loadPolicies` passed. @throws Error when Cedar refuses a policy of the set. */
export function createEngine(_policies: PolicySet, _options: EngineOptions = {}): Engine {
  throw new Error('not there yet');
}
