import { type Meter, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Answer } from './answer.ts';
import type { Settled } from './memo.ts';

/** Counts, times and traces one decision; throws what `decide` throws. */
export type ObserveDecision = (decide: () => Answer) => Answer;

/** Seconds. A decision is some ten to a few hundred microseconds of evaluation. */
const BOUNDARIES = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];

/** Observes decisions on this meter, and in the trace of the call that asks, when this process has tracing. */
export function observeDecisions(meter: Meter): ObserveDecision {
  const tracer = trace.getTracer('curfew');
  const decided = { ALLOW: 0, DENY: 0, NONE: 0 };
  const decisions = meter.createObservableCounter('curfew_decisions_total', {
    description: 'Questions by effect; NONE is an error in the place of an answer',
  });
  decisions.addCallback((result) => {
    for (const [effect, count] of Object.entries(decided)) result.observe(count, { effect });
  });
  const duration = meter.createHistogram('curfew_decision_duration_seconds', {
    description: 'How long deciding one question took',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const count = (effect: Settled['effect'] | 'NONE', startedMs: number): void => {
    decided[effect] += 1;
    duration.record((performance.now() - startedMs) / 1_000);
  };
  return (decide) => {
    const startedMs = performance.now();
    const span = tracer.startSpan('decide');
    try {
      const answer = decide();
      count(answer.settled.effect, startedMs);
      if (span.isRecording()) describe(span, answer);
      return answer;
    } catch (error) {
      count('NONE', startedMs);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
}

/** What an operator needs to find the reasons, and nothing of the question. */
function describe(span: Span, { settled, policyDigest, revision, stale }: Answer): void {
  const { effect, grant, policyIds } = settled;
  span.setAttributes({
    'curfew.decision.effect': effect,
    'curfew.decision.policy_ids': [...policyIds],
    'curfew.decision.policy_digest': policyDigest,
    'curfew.decision.revision': String(revision),
    'curfew.decision.stale': stale,
    ...(grant === undefined ? {} : { 'curfew.decision.grant_id': grant.id }),
  });
}
