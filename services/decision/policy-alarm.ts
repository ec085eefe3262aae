import type { Meter } from '@opentelemetry/api';
import type { DatabaseClock } from '../../core/feed/database-clock.ts';
import type { PolicyError } from '../../core/policy/engine.ts';
import type { Logger } from '../../core/runtime/log.ts';

/** Hears which policies of the set erred in an evaluation. */
export type PolicyAlarm = (digest: string, errors: readonly PolicyError[]) => void;

const QUIET_MS = 60_000;
const MOST_REMEMBERED = 1_000;

/** Counts policies that err and warns of each, at most once a minute: questions must not be able to flood the log. */
export function createPolicyAlarm(
  logger: Pick<Logger, 'warn'>,
  clock: Pick<DatabaseClock, 'look'>,
  meter: Meter,
): PolicyAlarm {
  const erred = meter.createCounter('curfew_policy_errors_total', {
    description: 'Policies that failed to evaluate: nothing was permitted by that evaluation',
  });
  erred.add(0);
  const warnedMs = new Map<string, number>();
  return (digest, errors) => {
    if (errors.length === 0) return;
    erred.add(errors.length);
    const nowMs = clock.look().monotonicMs;
    for (const { policyId } of errors) {
      const key = `${digest} ${policyId}`;
      const lastMs = warnedMs.get(key);
      if (lastMs !== undefined && nowMs - lastMs < QUIET_MS) continue;
      warnedMs.delete(key);
      const [oldest] = warnedMs.keys();
      if (warnedMs.size >= MOST_REMEMBERED && oldest !== undefined) warnedMs.delete(oldest);
      warnedMs.set(key, nowMs);
      // Without the error's text, which may quote what the policy read.
      logger.warn(
        { policyId, digest },
        'a policy failed to evaluate: nothing was permitted by that evaluation',
      );
    }
  };
}
