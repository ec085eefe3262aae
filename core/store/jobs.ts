import { type Job, PgBoss } from 'pg-boss';
import { bossTerms, JOBS, type JobName } from './job-schema.ts';

/** Does what there is to do, until the signal is aborted. */
export type JobWork = (signal: AbortSignal) => Promise<void>;

export interface JobsOptions {
  /** Signs in with the grant role's rights. */
  readonly databaseUrl: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly work: Readonly<Record<JobName, JobWork>>;
  /** Told when jobs cannot be had or done: a database that is away says so often. */
  readonly onTrouble: (error: Error) => void;
}

/** Jobs of which this process does its share. */
export interface Jobs {
  /** Resolves when the job that runs here has stopped at what it was at; another process goes on with the rest. */
  close(): Promise<void>;
}

const CONNECTIONS = 2;
const EVERY_MINUTE = '* * * * *';
const POLL_S = 5;
/** How often dead workers are looked for. */
const WATCH_S = 10;
const RETRY_MS = 10_000;
const STOP_MS = 10_000;

/** Takes part in the jobs: each runs once a minute and when a process starts, in one process at a time. Never fails: it tries again. */
export function startJobs(options: JobsOptions): Jobs {
  const closing = new AbortController();
  const boss = makeBoss(options);
  const begun = begin(boss, options, closing.signal);
  return {
    close: async () => {
      closing.abort();
      await begun;
      await boss.stop({ graceful: true, timeout: STOP_MS });
    },
  };
}

function makeBoss({ databaseUrl, name, onTrouble }: JobsOptions): PgBoss {
  const boss = new PgBoss({
    ...bossTerms(databaseUrl, name),
    max: CONNECTIONS,
    superviseIntervalSeconds: WATCH_S,
    monitorIntervalSeconds: WATCH_S,
    maintenanceIntervalSeconds: 3_600,
    // Jobs that wait for others, of which there are none.
    flowIntervalSeconds: 3_600,
  });
  boss.on('error', onTrouble);
  return boss;
}

/** Until it works, or is closed. */
async function begin(boss: PgBoss, options: JobsOptions, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    try {
      await boss.start();
      for (const name of JOBS) await beginJob(boss, name, { ...options, closing });
      return;
    } catch (error) {
      options.onTrouble(error instanceof Error ? error : new Error(String(error)));
      await boss.stop({ graceful: false });
      await pause(RETRY_MS, closing);
    }
  }
}

interface Begun extends JobsOptions {
  readonly closing: AbortSignal;
}

async function beginJob(boss: PgBoss, name: JobName, { work, closing }: Begun): Promise<void> {
  const run = async ([job]: readonly Job[]): Promise<void> => {
    if (job !== undefined) await work[name](AbortSignal.any([job.signal, closing]));
  };
  await boss.schedule(name, EVERY_MINUTE);
  await boss.send(name);
  await boss.work(name, { pollingIntervalSeconds: POLL_S }, run);
}

/** Ends early when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
