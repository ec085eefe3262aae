import type { Attributes, EntityUid } from '../access/entity.ts';
import type { ActionShape, SchemaShape } from './schema-shape.ts';

/** What a policy may see of a live grant: `context.grant`. */
export interface GrantFacts {
  readonly id: string;
  readonly workflow: string;
  readonly steps: readonly string[];
  readonly reason: string;
  readonly ticket?: string;
  readonly breakGlass: boolean;
  readonly startsAt: Date;
  readonly expiresAt: Date;
}

/** What a policy may see of an access request: `context.request`, one item of it. */
export interface RequestFacts {
  readonly id: string;
  /** A person or a service, told apart by the schema's types. */
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  /** Ids of the actions, groups expanded. */
  readonly actions: readonly string[];
  readonly reason: string;
  readonly ticket?: string;
  readonly durationMs: number;
  readonly startsAt?: Date;
  /** The workflow, once one is chosen. */
  readonly workflow?: string;
  readonly breakGlass: boolean;
  readonly extension: bigint;
}

/**
 * The context of a question to the access set: what the caller sent, and `now` and `grant` where the action declares them.
 * `grant` is undefined for the standing evaluation.
 */
export function accessContext(_input: {
  readonly action: ActionShape;
  readonly sent: Attributes;
  readonly now: Date;
  readonly grant?: GrantFacts | undefined;
}): Attributes {
  throw new Error('not there yet');
}

/** The context of a question about a `Curfew::Action`: `now`, and `request` where the action declares it; only declared fields. */
export function curfewContext(_input: {
  readonly shape: SchemaShape;
  readonly action: ActionShape;
  readonly now: Date;
  readonly request?: RequestFacts | undefined;
}): Attributes {
  throw new Error('not there yet');
}
