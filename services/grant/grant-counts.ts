import type { Meter } from '@opentelemetry/api';
import type { LedgerEvent } from '../../core/access/event.ts';
import { type JobName, JOBS } from '../../core/store/job-schema.ts';

/** What the grant service counts of its work. */
export interface GrantCounts {
  readonly appended: (events: readonly Pick<LedgerEvent, 'kind'>[]) => void;
  readonly refusedFolder: () => void;
  readonly ranJob: (job: JobName, outcome: 'done' | 'failed') => void;
}

/** Counts on this meter. */
export function countGrantWork(meter: Meter): GrantCounts {
  const appends = meter.createCounter('curfew_ledger_appends_total', {
    description: 'Events that this process appended to the ledger, by kind',
  });
  const refusals = meter.createCounter('curfew_policy_refusals_total', {
    description: 'Times that the policy folder was refused: what was in force stayed in force',
  });
  refusals.add(0);
  const jobs = meter.createCounter('curfew_jobs_total', {
    description: 'Jobs that this process ran, by job and outcome',
  });
  for (const job of JOBS) for (const outcome of ['done', 'failed']) jobs.add(0, { job, outcome });
  return {
    appended: (events) => {
      for (const { kind } of events) appends.add(1, { kind });
    },
    refusedFolder: () => refusals.add(1),
    ranJob: (job, outcome) => jobs.add(1, { job, outcome }),
  };
}
