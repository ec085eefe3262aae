import type { Meter } from '@opentelemetry/api';
import type { Followed } from './follow.ts';

/** Told of what goes wrong in engines and with policy sets. */
export interface PolicyCounts {
  readonly activated: () => void;
  readonly notLoaded: () => void;
  readonly differed: () => void;
  readonly failed: () => void;
  readonly replaced: () => void;
}

/** Counts what becomes of policy sets and their evaluations. */
export function countPolicies(meter: Meter): PolicyCounts {
  const counter = (name: string, description: string) => {
    const instrument = meter.createCounter(name, { description });
    instrument.add(0);
    return () => instrument.add(1);
  };
  return {
    activated: counter('curfew_policy_activations_total', 'Policy sets that came in force here'),
    notLoaded: counter(
      'curfew_policy_load_failures_total',
      'Policy sets in force that could not be loaded here: nothing is permitted then',
    ),
    differed: counter(
      'curfew_policy_self_check_refusals_total',
      'Policy sets in force that their self-check refused here: the one before stays in use',
    ),
    failed: counter('curfew_evaluation_failures_total', 'Questions that the policy engine gave no answer to'),
    replaced: counter(
      'curfew_engine_replacements_total',
      'Instances of the policy engine that were replaced',
    ),
  };
}

/** Shows how far the replica is, each time that the metrics are read. */
export function observeReplica(
  meter: Meter,
  { replica, follower, clock }: Pick<Followed, 'replica' | 'follower' | 'clock'>,
): void {
  const staleness = meter.createObservableGauge('curfew_feed_staleness_seconds', {
    description: 'Age of the last good look at the ledger; not there before the first',
    unit: 's',
  });
  staleness.addCallback((result) => {
    const ageMs = clock.ageMs();
    if (Number.isFinite(ageMs)) result.observe(ageMs / 1_000);
  });
  const revision = meter.createObservableGauge('curfew_ledger_revision', {
    description: 'Revision of the ledger that this process has reached',
  });
  revision.addCallback((result) => result.observe(Number(replica.revision)));
  const grants = meter.createObservableGauge('curfew_live_grants', { description: 'Grants held in memory' });
  grants.addCallback((result) => result.observe(replica.grants.size));
  const bootstraps = meter.createObservableCounter('curfew_feed_bootstraps_total', {
    description:
      'Starts from a snapshot of the ledger: one at the start, more when it was not the one followed',
  });
  bootstraps.addCallback((result) => result.observe(follower.bootstraps));
}
