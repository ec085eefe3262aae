import type { Logger } from '../../../core/runtime/log.ts';
import type { JobName } from '../../../core/store/job-schema.ts';
import { type JobWork, startJobs } from '../../../core/store/jobs.ts';
import type { GrantContext } from '../context.ts';
import { settleAgreed } from '../settle-agreed.ts';
import { isPassing, writeLapses } from './write-lapses.ts';

/** What a job needs. */
export interface JobTools {
  readonly context: GrantContext;
  readonly databaseUrl: string;
  readonly log: Logger;
}

/** What time alone has done: what has lapsed, and what is agreed to since a lock has ended or a step stands in for another. */
async function writeTimesWork(context: GrantContext, signal: AbortSignal): Promise<void> {
  const done = await Promise.allSettled([writeLapses(context, signal), settleAgreed(context, signal)]);
  for (const part of done) if (part.status === 'rejected') throw part.reason;
}

/** Has this process do its share of the jobs, none of which access needs to be right. @returns what ends it */
export function takePartInJobs(tools: JobTools): () => Promise<void> {
  const { context, databaseUrl, log } = tools;
  let isTold = false;
  const onTrouble = (error: Error): void => {
    if (!isTold) log.warn({ err: error }, 'there is trouble with the jobs: access goes on, history may wait');
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
        // Not told to the queue, which would have it done again at once: it is done again in a minute.
        context.counts.ranJob(name, 'failed');
        if (isPassing(error)) onTrouble(error);
        else log.error({ err: error, job: name }, 'a job could not do all that it should');
      }
    };
  const jobs = startJobs({
    databaseUrl,
    name: 'curfew-grant-jobs',
    work: { lapses: counted('lapses', (signal) => writeTimesWork(context, signal)) },
    onTrouble,
  });
  return () => jobs.close();
}
