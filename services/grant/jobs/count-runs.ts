import type { Logger } from '../../../core/runtime/log.ts';
import type { JobName } from '../../../core/store/job-schema.ts';
import type { JobWork } from '../../../core/store/jobs.ts';
import type { GrantCounts } from '../grant-counts.ts';
import { isPassing } from './write-lapses.ts';

/** What counts a job's runs, and where its troubles are told. */
export interface Counting {
  readonly counts: Pick<GrantCounts, 'ranJob'>;
  readonly log: Pick<Logger, 'error'>;
  /** Told when it goes well. */
  readonly onDone: () => void;
  /** Told of what will be over by itself. */
  readonly onTrouble: (error: Error) => void;
}

/** The same work, counted and never rejecting: what failed is done again in a minute. A run that was broken off is neither done nor failed. */
export function countRuns(
  name: JobName,
  work: JobWork,
  { counts, log, onDone, onTrouble }: Counting,
): JobWork {
  return async (signal) => {
    try {
      await work(signal);
      onDone();
      counts.ranJob(name, 'done');
    } catch (error) {
      if (signal.aborted) return;
      // Not told to the queue, which would have it done again at once.
      counts.ranJob(name, 'failed');
      if (isPassing(error)) onTrouble(error);
      else log.error({ err: error, job: name }, 'a job could not do all that it should');
    }
  };
}
