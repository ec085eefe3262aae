import type { Logger } from '../../../core/runtime/log.ts';
import { type JobWork, startJobs } from '../../../core/store/jobs.ts';
import type { GrantContext } from '../context.ts';
import { settleAgreed } from '../settle-agreed.ts';
import { countRuns } from './count-runs.ts';
import { writeLapses } from './write-lapses.ts';

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
  const onDone = (): void => {
    isTold = false;
  };
  const work: JobWork = (signal) => writeTimesWork(context, signal);
  const jobs = startJobs({
    databaseUrl,
    name: 'curfew-grant-jobs',
    work: { lapses: countRuns('lapses', work, { counts: context.counts, log, onDone, onTrouble }) },
    onTrouble,
  });
  return () => jobs.close();
}
