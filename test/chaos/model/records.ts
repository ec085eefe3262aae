import type { Step } from './terms.ts';

/** A vote that stands. */
export interface ModelVote {
  readonly by: string;
  readonly actions: readonly string[] | undefined;
  readonly minutes: number | undefined;
}

/** What somebody asks for. Times are minutes since the run began. */
export interface ModelWish {
  readonly by: string;
  readonly subject: string;
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly minutes: number;
  /** At once if undefined. */
  readonly startsAt: number | undefined;
}

export interface ModelRequest extends ModelWish {
  readonly id: string;
  readonly steps: readonly Step[];
  readonly createdAt: number;
  readonly lapsesAt: number;
  readonly extends: ModelGrant | undefined;
  state: 'PENDING' | 'APPROVED' | 'DENIED' | 'WITHDRAWN' | 'EXPIRED';
  votes: ModelVote[];
  grant: ModelGrant | undefined;
  /** When the review of break-glass that it owes is overdue. */
  dueAt: number | undefined;
}

export interface ModelGrant {
  /** Once it is known. */
  id: string;
  readonly requester: string;
  readonly subject: string;
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly approvers: readonly string[];
  state: 'SCHEDULED' | 'CLAIMABLE' | 'ACTIVE' | 'ENDED';
  endReason: string | undefined;
  /** How long it lasts once it runs, extensions included. */
  minutes: number;
  readonly startsAt: number;
  /** When it ends, or can be claimed no more. */
  endsAt: number;
  usesLeft: number | undefined;
  readonly usedIds: Set<string>;
  extensions: number;
}

/** What a lock stops. */
export type ModelTarget =
  | { readonly kind: 'everything' }
  | { readonly kind: 'person' | 'group' | 'database'; readonly id: string }
  | { readonly kind: 'grant'; readonly grant: ModelGrant };

export interface ModelLock {
  readonly id: string;
  readonly target: ModelTarget;
  /** Until it is lifted if undefined. */
  readonly endsAt: number | undefined;
  isLifted: boolean;
}
