import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { LedgerEvent } from '../../../core/access/event.ts';
import { DatabaseClock, machineClock } from '../../../core/feed/database-clock.ts';
import { Follower, type FollowerOptions, type Sink } from '../../../core/feed/follower.ts';
import type { Database } from '../../../core/store/connect.ts';
import type { PlacedEvent, Snapshot } from '../../../core/store/ledger.ts';
import { transition } from '../../../core/store/transition.ts';
import { withdrawn } from '../store/ledger-events.ts';

/** What a follower handed on. */
export interface Handed {
  readonly snapshots: readonly Snapshot[];
  /** Since the last snapshot. */
  readonly events: readonly PlacedEvent[];
  /** Every event ever handed on, and every revision started from, in order: `@7` is a snapshot. */
  readonly history: readonly string[];
}

export interface Following {
  readonly follower: Follower;
  readonly clock: DatabaseClock;
  readonly handed: Handed;
  /** The messages logged as errors, with the fault where there is one. */
  readonly alarms: readonly string[];
  /** Resolves when the revision was handed on or started from. */
  readonly reached: (revision: bigint) => Promise<void>;
}

/** Starts a follower that writes down what it hands on, and ends with the test. */
export function startFollowing(
  options: Partial<FollowerOptions> & Pick<FollowerOptions, 'database'>,
): Following {
  const snapshots: Snapshot[] = [];
  const events: PlacedEvent[] = [];
  const history: string[] = [];
  const alarms: string[] = [];
  const sink: Sink = {
    reset: async (snapshot) => {
      await options.sink?.reset(snapshot);
      snapshots.push(snapshot);
      events.length = 0;
      history.push(`@${snapshot.revision}`);
    },
    apply: async (placed) => {
      await options.sink?.apply(placed);
      events.push(placed);
      history.push(String(placed.revision));
    },
  };
  const clock = new DatabaseClock(machineClock);
  const follower = new Follower({
    clock,
    pollMs: 10,
    batch: 100,
    log: {
      info: () => undefined,
      error: (facts, message) =>
        alarms.push('fault' in facts ? `${message}: ${String(facts.fault)}` : message),
    },
    ...options,
    sink,
  });
  onTestFinished(() => follower.close());
  follower.start();
  const reached = async (revision: bigint): Promise<void> => {
    if (!(await follower.waitFor(revision, 20_000)))
      throw new Error(`revision ${revision} was not reached, only ${follower.revision}`);
  };
  return { follower, clock, handed: { snapshots, events, history }, alarms, reached };
}

/** Appends so many events that change no basis, or these. */
export async function append(grant: Database, what: number | readonly LedgerEvent[] = 1): Promise<bigint> {
  const events =
    typeof what === 'number' ? Array.from({ length: what }, () => withdrawn(randomUUID())) : what;
  const basis = await grant.selectFrom('ledger_head').select('basis_revision').executeTakeFirstOrThrow();
  const { revision } = await transition(grant, basis.basis_revision, async () => ({
    events,
    result: undefined,
  }));
  return revision;
}

/** The revisions `from` to `to`, as `Handed.history` writes them. */
export function revisions(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}
