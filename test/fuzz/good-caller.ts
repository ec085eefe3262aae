import { openLoop } from '../bench/generator/measure.ts';
import { foundCompany } from '../bench/versus/company.ts';
import { curfewQuestions } from '../bench/versus/curfew-questions.ts';
import { inTurn } from '../bench/versus/granted.ts';
import type { GoodCalls, GoodCallsOptions } from './good-calls.ts';

const PER_SECOND = 100;
const SLICE_SECONDS = 2;

const over = new AbortController();
process.once('message', () => over.abort());
const options = JSON.parse(process.argv[2] ?? '') as GoodCallsOptions; // written by `startGoodCalls`
process.send?.(await makeCalls(options));

async function makeCalls({ address, token, policies, people }: GoodCallsOptions): Promise<GoodCalls> {
  const company = foundCompany(policies, people);
  const questions = curfewQuestions(company, token);
  const next = inTurn(company);
  const load = { address, questions, next, connections: 2, rate: PER_SECOND, seconds: SLICE_SECONDS };
  const faults: (readonly [string, number])[] = [];
  let asked = 0;
  let p99Ms = 0;
  while (!over.signal.aborted) {
    const slice = await openLoop(load);
    asked += slice.calls;
    faults.push(...slice.faults);
    p99Ms = Math.max(p99Ms, slice.latency.percentile(99) / 1_000);
  }
  return { asked, faults, p99Ms };
}
