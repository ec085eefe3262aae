import { createNoopMeter, type Meter } from '@opentelemetry/api';
import { status } from '@grpc/grpc-js';
import { observeCalls } from '../../core/rpc/observe-calls.ts';
import { openMetrics } from '../../core/runtime/telemetry/metrics.ts';
import { momentOf } from '../../services/decision/moment.ts';
import { answerAt } from '../../services/decision/authorize.ts';
import { observeDecisions } from '../../services/decision/observe-decisions.ts';
import { localDecision, questionOf } from '../services/decision/local-decision.ts';
import { person } from '../services/decision/people.ts';
import { policyFiles } from '../services/decision/policy-files.ts';

const ROUNDS = 200;
const CALLS = 500;

/** What counting, timing and asking for a trace add to a decision, without tracing; of many rounds the fastest, for others use the machine too. */
export async function observing(): Promise<void> {
  const local = await localDecision(await policyFiles());
  const principal = person('kim');
  const question = questionOf({ principal });
  const { meter } = await openMetrics('curfew-bench');
  const moment = momentOf(local.clock, 60_000);
  const answer = answerAt(local.context, moment, principal, question);
  const decision = fastest(() => void answerAt(local.context, moment, principal, question));
  console.log(`a decision, observed by nobody: ${decision} µs`);
  for (const [name, each] of [
    ['nobody reads', createNoopMeter()],
    ['is shown', meter],
  ] as const) {
    const observe = observeDecisions(each);
    const decided = fastest(() => void observe(() => answer));
    console.log(
      `observing, where the page ${name}: ${decided} µs a decision, ${fastest(callOf(each))} µs a call`,
    );
  }
}

/** A call under observation, with nothing below or above it. */
function callOf(meter: Meter): () => void {
  const observer = observeCalls({ meter, isTraced: () => true });
  return () => observer.begin('/curfew.decision.v1.DecisionService/Authorize').end(status.OK);
}

/** Microseconds of one, to a tenth. */
function fastest(work: () => void): string {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedMs = performance.now();
    for (let call = 0; call < CALLS; call += 1) work();
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return ((bestMs * 1_000) / CALLS).toFixed(1);
}
