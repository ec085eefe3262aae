import type { EntityUid } from './entity.ts';
import type { AskedOtherwise, GrantTerms, LiveState } from './grant.ts';
import type { LockTarget } from './lock.ts';
import type { KeptCast, SignIn } from './sign-in.ts';

export type EndReason =
  | 'EXPIRED'
  | 'RELEASED'
  | 'REVOKED'
  | 'UNCLAIMED'
  | 'EXHAUSTED'
  | 'IDLE'
  | 'INELIGIBLE';
export type Verdict = 'APPROVE' | 'DENY';

/**
 * Something that happened. What is in the event is what the ledger's hash covers; `text` is kept beside it (the body holds a
 * salted digest of it), so that it can be erased.
 */
export type LedgerEvent = EventOf<
  | ({ readonly kind: 'REQUEST_SUBMITTED'; readonly requestId: string } & Submitted)
  | {
      readonly kind: 'REQUEST_REVIEWED';
      readonly requestId: string;
      readonly verdict: Verdict;
      readonly items: readonly number[];
      /** Hexadecimal. */
      readonly requestHash: string;
      readonly policyDigest: string;
      /** What the vote narrows its items to; those that are not here stay as they were asked for. */
      readonly narrowing?: readonly NarrowedItem[];
      /** The reviewer's, if their token says. */
      readonly signIn?: SignIn;
      /** The comment. */
      readonly text?: string;
    }
  | {
      readonly kind: 'REVIEW_WITHDRAWN';
      readonly requestId: string;
      readonly reviewer: EntityUid;
      readonly items: readonly number[];
    }
  | { readonly kind: 'REVIEWERS_REMINDED'; readonly requestId: string }
  | {
      readonly kind: 'ITEM_DENIED';
      readonly requestId: string;
      readonly item: number;
      readonly because: string;
    }
  | {
      readonly kind: 'ITEM_EXPIRED';
      readonly requestId: string;
      readonly item: number;
      readonly lapsedAt: Date;
    }
  | {
      readonly kind: 'REQUEST_WITHDRAWN';
      readonly requestId: string;
      readonly items: readonly number[];
      readonly because: string;
    }
  | ({ readonly kind: 'GRANT_STARTED'; readonly requestId: string; readonly grantId: string } & Started)
  | { readonly kind: 'GRANT_OPENED'; readonly requestId: string; readonly grantId: string }
  | {
      readonly kind: 'GRANT_CLAIMED';
      readonly requestId: string;
      readonly grantId: string;
      readonly startsAt: Date;
      readonly expiresAt: Date;
    }
  | {
      readonly kind: 'GRANT_USED';
      readonly requestId: string;
      readonly grantId: string;
      readonly useId: string;
      readonly usesLeft: number;
    }
  | {
      readonly kind: 'GRANT_EXTENDED';
      /** Of the request for the extension. */
      readonly requestId: string;
      readonly grantId: string;
      readonly expiresAt: Date;
      /** The how manieth it is. */
      readonly extension: number;
    }
  | {
      readonly kind: 'BREAK_GLASS_REVIEWED';
      readonly requestId: string;
      readonly grantId: string;
      readonly verdict: Verdict;
      /** Hexadecimal. */
      readonly requestHash: string;
      readonly policyDigest: string;
      /** The reviewer's, if their token says. */
      readonly signIn?: SignIn;
      /** The comment. */
      readonly text: string;
    }
  | {
      readonly kind: 'GRANT_ENDED';
      readonly requestId: string;
      readonly grantId: string;
      readonly endReason: EndReason;
      readonly endedAt: Date;
      /** Why it was revoked. */
      readonly text?: string;
    }
  | {
      readonly kind: 'ENTITIES_APPLIED';
      /** What changed, each with the SHA-256 of its JSON in hexadecimal. */
      readonly entities: readonly { readonly uid: EntityUid; readonly digest: string }[];
      /** The entities: a JSON array in Cedar's form. */
      readonly text: string;
    }
  | { readonly kind: 'ENTITIES_DELETED'; readonly uids: readonly EntityUid[] }
  | { readonly kind: 'POLICY_ACTIVATED'; readonly digest: string }
  | ({
      readonly kind: 'LOCK_CREATED';
      readonly createdBy: EntityUid;
      /** Until it is lifted if it is not said. */
      readonly expiresAt?: Date;
    } & AboutLock)
  | ({ readonly kind: 'LOCK_LIFTED' } & AboutLock)
>;

interface AboutLock {
  readonly lockId: string;
  readonly target: LockTarget;
  /** Of a lock on a grant. */
  readonly grantId?: string;
  /** Why. */
  readonly text: string;
}

/** A vote's narrowing of one item. */
export interface NarrowedItem {
  readonly item: number;
  readonly actions?: readonly EntityUid[];
  readonly durationMs?: number;
  readonly startsAt?: Date;
}

interface Submitted {
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  readonly items: readonly {
    readonly resource: EntityUid;
    readonly actions: readonly EntityUid[];
    readonly workflow: string;
    readonly expiresAt: Date;
  }[];
  readonly durationMs: number;
  readonly startsAt?: Date;
  readonly breakGlass: boolean;
  /** The grant that it asks to extend. */
  readonly extends?: string;
  /** Hexadecimal. */
  readonly requestHash: string;
  readonly policyDigest: string;
  /** JSON: `{"reason": …, "ticket": …}`. */
  readonly text: string;
}

interface Started {
  readonly item: number;
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  readonly actions: readonly EntityUid[];
  readonly asked?: AskedOtherwise;
  readonly resource: EntityUid;
  readonly workflow: string;
  readonly steps: readonly string[];
  readonly seats: readonly number[];
  /** How it begins. */
  readonly state: LiveState;
  readonly startsAt: Date;
  readonly expiresAt: Date;
  readonly durationMs: number;
  readonly terms: GrantTerms;
  readonly usesLeft?: number;
  readonly approvers: readonly EntityUid[];
  /** Of a grant that waits: the approvals that counted, those of `approvers` first. */
  readonly casts?: readonly KeptCast[];
  /** By when break-glass is to be reviewed. */
  readonly reviewDueAt?: Date;
  /** JSON: `{"reason": …, "ticket": …}`; grants show it to policies. */
  readonly text: string;
}

type EventOf<T> = T & { readonly at: Date; readonly actor: string };

export type EventKind = LedgerEvent['kind'];
export type EventOfKind<K extends EventKind> = Extract<LedgerEvent, { readonly kind: K }>;

const BASIS_KINDS: ReadonlySet<string> = new Set<EventKind>([
  'ENTITIES_APPLIED',
  'ENTITIES_DELETED',
  'POLICY_ACTIVATED',
  'LOCK_CREATED',
  'LOCK_LIFTED',
]);

/** Events that change what eligibility is decided on. A decision made before one cannot be written after it. */
export function changesBasis(kind: string): boolean {
  return BASIS_KINDS.has(kind);
}

/** The actor of what happens by itself. */
export const SYSTEM_ACTOR = 'Curfew::System::"curfew"';
