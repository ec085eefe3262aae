import type { EndReason } from './event.ts';
import type { LiveState } from './grant.ts';
import type { ItemState } from './request.ts';

/** A change from one state to another; `when` says for people what brings it about. */
export interface Move<From extends string, To extends string> {
  readonly from: From;
  readonly to: To;
  readonly when: string;
}

/** How a grant can begin. */
export const GRANT_BEGINNINGS: Readonly<Record<LiveState, string>> = {
  SCHEDULED: 'approved, for a start still to come',
  CLAIMABLE: 'approved, to begin with its first use',
  ACTIVE: 'approved',
};

/** What happens to a grant that goes on, by the event that says so. */
export const GRANT_MOVES = {
  GRANT_OPENED: { from: 'SCHEDULED', to: 'ACTIVE', when: 'its start comes and its subject is still let in' },
  GRANT_CLAIMED: { from: 'CLAIMABLE', to: 'ACTIVE', when: 'it is used for the first time, or activated' },
  GRANT_USED: { from: 'ACTIVE', to: 'ACTIVE', when: 'one of its counted uses is used' },
  GRANT_EXTENDED: { from: 'ACTIVE', to: 'ACTIVE', when: 'an extension is approved' },
} as const satisfies Readonly<Record<string, Move<LiveState, LiveState>>>;

/** From which states a grant ends for a reason; an ended grant never goes on. */
export const GRANT_ENDS = {
  EXPIRED: { from: ['ACTIVE'], when: 'its time is over' },
  RELEASED: { from: ['SCHEDULED', 'CLAIMABLE', 'ACTIVE'], when: 'its holder gives it back' },
  REVOKED: { from: ['SCHEDULED', 'CLAIMABLE', 'ACTIVE'], when: 'somebody entitled takes it away' },
  UNCLAIMED: { from: ['CLAIMABLE'], when: 'nobody uses it in time' },
  EXHAUSTED: { from: ['ACTIVE'], when: 'its last use is used' },
  IDLE: { from: ['ACTIVE'], when: 'it lies unused for too long' },
  INELIGIBLE: { from: ['SCHEDULED', 'CLAIMABLE', 'ACTIVE'], when: 'its subject is no longer let in' },
} as const satisfies Readonly<
  Record<EndReason, { readonly from: readonly LiveState[]; readonly when: string }>
>;

/** How an item of a request is decided; a decided item stays as it is. */
export const ITEM_MOVES = {
  APPROVED: { from: 'PENDING', to: 'APPROVED', when: 'every seat is filled, or there is none' },
  DENIED: { from: 'PENDING', to: 'DENIED', when: 'a reviewer denies, or the subject is no longer let in' },
  WITHDRAWN: { from: 'PENDING', to: 'WITHDRAWN', when: 'requester or subject takes it back' },
  EXPIRED: { from: 'PENDING', to: 'EXPIRED', when: 'nobody answers in time' },
} as const satisfies {
  readonly [S in Exclude<ItemState, 'PENDING'>]: Move<'PENDING', S>;
};
