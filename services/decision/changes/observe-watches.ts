import type { Meter } from '@opentelemetry/api';

/** Why a stream of changes ended: it was old, the service began anew, the caller may not watch any more, or the client went away or was cut. */
export type WatchEnd = 'age' | 'restart' | 'refused' | 'left';

const ENDS: readonly WatchEnd[] = ['age', 'restart', 'refused', 'left'];

/** Counts streams of changes and what they are told. */
export interface WatchObserver {
  readonly began: () => void;
  readonly told: (isAll: boolean) => void;
  readonly ended: (why: WatchEnd) => void;
}

export function observeWatches(meter: Meter): WatchObserver {
  const streams = meter.createUpDownCounter('curfew_watch_streams', {
    description: 'Streams of changes that are open',
  });
  const changes = meter.createCounter('curfew_watch_changes_total', {
    description: 'Changes told, to each stream; all = nothing that was kept holds',
  });
  const ends = meter.createCounter('curfew_watch_ends_total', {
    description: 'Streams of changes that ended, by why',
  });
  streams.add(0);
  for (const what of ['all', 'named']) changes.add(0, { what });
  for (const why of ENDS) ends.add(0, { why });
  return {
    began: () => streams.add(1),
    told: (isAll) => changes.add(1, { what: isAll ? 'all' : 'named' }),
    ended: (why) => {
      streams.add(-1);
      ends.add(1, { why });
    },
  };
}
