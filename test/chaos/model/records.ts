import type { Step } from './terms.ts';

/** Who asks, and for whom. */
export interface Parties {
  readonly requester: string;
  readonly subject: string;
}

/** A vote that stands. */
export interface ModelVote {
  readonly by: string;
  readonly actions: readonly string[] | undefined;
  readonly minutes: number | undefined;
  /** The earliest that it is to begin. */
  readonly startsAt: number | undefined;
}

/** One database of what is asked for. */
export interface WishedItem {
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
}

/** What somebody asks for. Times are minutes since the run began. */
export interface ModelWish extends Parties {
  readonly minutes: number;
  /** At once if undefined. */
  readonly startsAt: number | undefined;
  readonly isBreakGlass: boolean;
  readonly items: readonly WishedItem[];
  /** What it asks to extend. */
  readonly extends: ModelGrant | undefined;
}

export type ModelState = 'PENDING' | 'APPROVED' | 'DENIED' | 'WITHDRAWN' | 'EXPIRED';

export interface ModelItem extends WishedItem {
  readonly request: ModelRequest;
  /** Its position. */
  readonly item: number;
  readonly steps: readonly Step[];
  state: ModelState;
  votes: ModelVote[];
  /** Whose deny ended it. */
  denier: string | undefined;
  grant: ModelGrant | undefined;
  /** When the review of break-glass that it owes is overdue. */
  dueAt: number | undefined;
}

export interface ModelRequest extends Omit<ModelWish, 'items'> {
  readonly id: string;
  readonly createdAt: number;
  readonly lapsesAt: number;
  readonly items: readonly ModelItem[];
  /** Who ever voted on it. */
  readonly voters: Set<string>;
}

/** An approval as it was when the grant was given. */
export interface ModelApproval {
  readonly by: string;
  readonly filled: readonly Step[];
  /** Whether it stood in for other steps. */
  readonly standsIn: boolean;
}

export interface ModelGrant extends Parties {
  /** Once it is known. */
  id: string;
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly steps: readonly Step[];
  /** Whose approvals counted, and for what. */
  readonly approvals: readonly ModelApproval[];
  /** Who fills the seats, once it is known. */
  approvers: readonly string[];
  state: 'SCHEDULED' | 'CLAIMABLE' | 'ACTIVE' | 'ENDED';
  endReason: string | undefined;
  /** How long it lasts once it runs, extensions included. */
  minutes: number;
  readonly startsAt: number;
  /** When it ends, or can be claimed no more. */
  endsAt: number;
  /** When it ends if it is used no more. */
  idleAt: number;
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
