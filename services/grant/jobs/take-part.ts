import type { Logger } from '../../../core/runtime/log.ts';
import { type JobName, type Jobs, type JobWork, startJobs } from '../../../core/store/jobs.ts';
import type { GrantContext } from '../context.ts';
import { writeLapses } from './write-lapses.ts';

/** What a job needs. */
export interface JobTools {
  readonly context: GrantContext;
  readonly databaseUrl: string;
  readonly log: Logger;
}

/** Has this process do its share of the jobs. None of them is needed for access to be right. */
export function takePartInJobs(tools: JobTools): Jobs {
  const { context, databaseUrl, log } = tools;
  let isTold = false;
  const onTrouble = (error: Error): void => {
    if (!isTold) log.warn({ err: error }, 'jobs do not run here: access goes on, history waits');
    isTold = true;
  };
  const counted =
    (name: JobName, work: JobWork): JobWork =>
    async (signal) => {
      try {
        await work(signal);
        isTold = false;
        context.counts.ranJob(name, 'done');
      } catch (error) {
        context.counts.ranJob(name, 'failed');
        onTrouble(error instanceof Error ? error : new Error(String(error)));
        // For the queue's own record, which is no place for what an error says.
        throw new Error('failed');
      }
    };
  return startJobs({
    databaseUrl,
    name: 'curfew-grant-jobs',
    work: { lapses: counted('lapses', (signal) => writeLapses(context, log, signal)) },
    onTrouble,
  });
}
