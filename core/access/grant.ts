import type { EntityUid } from './entity.ts';
import type { EndReason } from './event.ts';

/** The access itself: subject, actions and resource, over `[startsAt, expiresAt)`. */
export interface Grant {
  readonly id: string;
  readonly requestId: string;
  /** The item's position in its request. */
  readonly item: number;
  /** Who asked for it: its subject, or somebody who asked for them. */
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  readonly actions: readonly EntityUid[];
  readonly resource: EntityUid;
  readonly workflow: string;
  readonly steps: readonly string[];
  readonly reason: string;
  /** Empty when there is none. */
  readonly ticket: string;
  readonly startsAt: Date;
  /** The first instant at which it permits no more. */
  readonly expiresAt: Date;
}

export type GrantStanding =
  | { readonly state: 'ACTIVE' }
  | { readonly state: 'ENDED'; readonly endReason: EndReason; readonly endedAt: Date };

/** Where a grant stands at an instant, whatever has been written down of it so far. */
export function standingOf(recorded: GrantStanding, expiresAt: Date, now: Date): GrantStanding {
  if (recorded.state === 'ENDED' || now < expiresAt) return recorded;
  return { state: 'ENDED', endReason: 'EXPIRED', endedAt: expiresAt };
}
