import type { Followed } from '../../core/replica/follow.ts';

/** What decisions are made from: the replica, the clock of its polls, and the follower that keeps both current. */
export type FollowedState = Pick<Followed, 'replica' | 'follower' | 'clock'>;
