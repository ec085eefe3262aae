import type { EntityUid } from './entity.ts';
import type { EndReason } from './event.ts';
import type { KeptCast } from './sign-in.ts';

/** The access itself: subject, actions and resource, over `[startsAt, expiresAt)`. */
export interface Grant {
  readonly id: string;
  readonly requestId: string;
  /** The item's position in its request. */
  readonly item: number;
  /** Who asked for it: its subject, or somebody who asked for them. */
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  /** Who filled the seats; empty when nobody needed to. */
  readonly approvers: readonly EntityUid[];
  /** The approvals that counted, those of `approvers` first and in their order; kept of a grant that asks about them again when it begins. */
  readonly casts?: readonly KeptCast[];
  readonly actions: readonly EntityUid[];
  /** What was asked for, where it came to something else or a start was asked for. */
  readonly asked?: AskedOtherwise;
  readonly resource: EntityUid;
  readonly workflow: string;
  readonly steps: readonly string[];
  /** How many people each step took, in the order of `steps`; one each where it is empty. */
  readonly seats: readonly number[];
  readonly reason: string;
  /** Empty when there is none. */
  readonly ticket: string;
  /** While it is claimable, when it became so. */
  readonly startsAt: Date;
  /** The first instant at which it permits no more; while it is claimable, at which it can be claimed no more. */
  readonly expiresAt: Date;
  /** How long it runs from its beginning, extensions apart. */
  readonly durationMs: number;
  readonly terms: GrantTerms;
  /** Extensions so far. */
  readonly extensions: number;
  /** Undefined when it is not counted. */
  readonly usesLeft: number | undefined;
  /** As far as it is known here; kept only of grants that end by lying unused. */
  readonly lastUsedAt: Date | undefined;
}

/** What a request asked for that its grant does not say; what is undefined is as the grant has it. */
export interface AskedOtherwise {
  /** Where approvals left fewer. */
  readonly actions?: readonly EntityUid[];
  /** Where approvals, or the time that they took, left less. */
  readonly durationMs?: number;
  /** The start that was asked for; undefined = none was. */
  readonly startsAt?: Date;
}

/** What a grant took from its workflow for as long as it lives. Many grants share one. */
export interface GrantTerms {
  readonly breakGlass: boolean;
  readonly onChange: 'end' | 'keep';
  /** After how long unused it ends; undefined = it does not. */
  readonly idleMs?: number | undefined;
  readonly maxExtensions: number;
}

/** Of a grant that is neither break-glass nor idle nor extended, and ends when its subject is no longer let in. */
export const PLAIN_TERMS: GrantTerms = { breakGlass: false, onChange: 'end', maxExtensions: 0 };

/** Where a grant stands that has not ended. */
export type LiveState = 'SCHEDULED' | 'CLAIMABLE' | 'ACTIVE';

/** A grant that has not ended, as it was last written down. */
export interface LiveGrant extends Grant {
  readonly state: LiveState;
}

export type GrantStanding =
  | { readonly state: LiveState }
  | { readonly state: 'ENDED'; readonly endReason: EndReason; readonly endedAt: Date };

/** Uses are reported in batches: for so long a grant may have been used without its row knowing. */
export const IDLE_GRACE_MS = 30_000;

type Clocked = Pick<Grant, 'startsAt' | 'expiresAt' | 'lastUsedAt' | 'terms'>;

/**
 * Where a grant stands at an instant, whatever has been written down of it so far. One whose start has come is active; whether its
 * subject is still let in then is asked by whoever uses or opens it.
 */
export function standingOf(recorded: GrantStanding, grant: Clocked, now: Date): GrantStanding {
  if (recorded.state === 'ENDED') return recorded;
  const lapse = lapseOf(recorded.state, grant);
  if (now >= lapse.endedAt) return { state: 'ENDED', ...lapse };
  return { state: recorded.state === 'SCHEDULED' && now >= grant.startsAt ? 'ACTIVE' : recorded.state };
}

/** When and why the grant ends if nothing more happens to it. */
export function lapseOf(
  state: LiveState,
  grant: Clocked,
): { readonly endedAt: Date; readonly endReason: EndReason } {
  if (state === 'CLAIMABLE') return { endedAt: grant.expiresAt, endReason: 'UNCLAIMED' };
  const idleAt = idleFrom(grant, IDLE_GRACE_MS);
  if (idleAt !== undefined && idleAt < grant.expiresAt) return { endedAt: idleAt, endReason: 'IDLE' };
  return { endedAt: grant.expiresAt, endReason: 'EXPIRED' };
}

/** From when on the grant has lain unused for too long, as far as its uses are known; undefined when it may. */
export function idleFrom({ startsAt, lastUsedAt, terms }: Clocked, graceMs = 0): Date | undefined {
  if (terms.idleMs === undefined) return undefined;
  const since = Math.max(startsAt.getTime(), lastUsedAt?.getTime() ?? 0);
  return new Date(since + terms.idleMs + graceMs);
}

/** Its window once it has been claimed. */
export function claimedWindow(
  grant: Pick<Grant, 'durationMs'>,
  now: Date,
): { readonly startsAt: Date; readonly expiresAt: Date } {
  return { startsAt: now, expiresAt: new Date(now.getTime() + grant.durationMs) };
}
