import { AccessError } from '../../../core/access/access-error.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import { SYSTEM } from '../../../core/policy/schema-shape.ts';
import type { Caller } from '../../../core/rpc/route.ts';
import { awaitRevision } from '../await-revision.ts';
import type { FollowedState } from '../followed-state.ts';
import { STALENESS_BOUND_MS, WATCH_AGE_MS } from '../limits.ts';
import type { Rights } from '../rights.ts';
import type { Change } from './change.ts';
import type { Changes } from './changes.ts';
import { narrowed } from './narrowed.ts';
import type { WatchEnd, WatchObserver } from './observe-watches.ts';

export interface WatchContext {
  readonly followed: FollowedState;
  readonly rights: Rights;
  readonly changes: Changes;
  readonly observeWatch: WatchObserver;
}

/** Who watches what. */
export interface Watch {
  readonly caller: Caller;
  /** Empty = anybody's answers. */
  readonly principals: readonly EntityUid[];
  readonly signal: AbortSignal;
}

/** What a client that keeps answers is told. */
export type Told =
  | { readonly kind: 'change'; readonly change: Change }
  | {
      readonly kind: 'heartbeat';
      readonly revision: bigint;
      readonly policyDigest: string;
      /** Of the last good poll. */
      readonly pollAgeMs: number;
      /** Since the stream began, by the monotonic clock. */
      readonly elapsedMs: number;
    };

/**
 * What to forget, and that all else holds. Ends by itself after `WATCH_AGE_MS`, or a little earlier so that not all come back at once.
 * @throws AccessError NOT_PERMITTED when the right is lacking or is lost, TOKEN_EXPIRED and CALLER_UNKNOWN when the caller is nobody
 *   any more, TOO_MUCH, and NOT_READY when the service has to begin anew
 */
export async function* watchChanges(context: WatchContext, watch: Watch): AsyncIterable<Told> {
  const { followed, changes, observeWatch } = context;
  const { caller, signal } = watch;
  const begunMs = followed.clock.look().monotonicMs;
  const lastsMs = WATCH_AGE_MS * (1 - Math.random() / 5);
  const elapsedMs = (): number => followed.clock.look().monotonicMs - begunMs;
  await awaitRevision(followed, 0n);
  const backlog = changes.open(caller.uid);
  observeWatch.began();
  let why: WatchEnd = 'left';
  try {
    while (!signal.aborted && elapsedMs() < lastsMs) {
      why = backlog.isOver ? 'restart' : 'refused';
      if (backlog.isOver) throw beginAgain();
      requireRights(context, watch);
      why = 'left';
      const change = backlog.take();
      if (change !== undefined) {
        const told = narrowed(change, watch);
        if (told === undefined) continue;
        observeWatch.told(told.named === 'all');
        yield { kind: 'change', change: told };
      } else if (backlog.takeReminder()) {
        if (isCurrent(context)) yield heartbeat(followed, elapsedMs());
      } else await backlog.next(signal);
    }
    why = signal.aborted ? 'left' : 'age';
  } finally {
    changes.close(backlog);
    observeWatch.ended(why);
  }
}

/** Asked before everything that is sent, for rights and callers come and go. */
function requireRights({ followed, rights }: WatchContext, { caller, principals }: Watch): void {
  const now = followed.clock.late();
  const { uid, expiresAt } = caller;
  if (expiresAt !== undefined && expiresAt <= now) {
    throw new AccessError(
      'TOKEN_EXPIRED',
      `the credentials expired at ${expiresAt.toISOString()}; watch with new ones`,
    );
  }
  if (!followed.replica.directory.has(uid)) {
    throw new AccessError('CALLER_UNKNOWN', 'the directory does not have the caller any more');
  }
  for (const principal of principals.length === 0 ? [SYSTEM] : principals)
    rights.require('watch', uid, principal, now);
}

function isCurrent({ followed, changes }: WatchContext): boolean {
  const { clock, replica } = followed;
  return changes.isSettled && clock.ageMs() < STALENESS_BOUND_MS && replica.policies.kind === 'ready';
}

/** All changes of its revision have been taken: whatever comes is put into the backlog as it is made. */
function heartbeat({ replica, clock }: FollowedState, elapsedMs: number): Told {
  return {
    kind: 'heartbeat',
    revision: replica.revision,
    policyDigest: replica.engine.policies.digest,
    pollAgeMs: Math.ceil(clock.ageMs()),
    elapsedMs: Math.floor(elapsedMs),
  };
}

function beginAgain(): AccessError {
  return new AccessError(
    'NOT_READY',
    'the service began anew from a snapshot; forget everything and watch again',
  );
}
