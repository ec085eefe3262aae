import type { Report } from '../report/report.ts';
import { ratioOf, spreadOf } from '../report/spread.ts';
import type { Order } from '../generator/questions.ts';
import { batchesOf } from './batch-questions.ts';
import { type Company, foundCompany } from './company.ts';
import { startCurfewSide } from './curfew-side.ts';
import { countPairs, drawn, inTurn } from './granted.ts';
import { alternate, type RoundOptions, type Side, warmUp } from './sides.ts';

const POLICIES = 20;
const SIZE = 100;
const DRAWN_FROM = 10_000;

/** Decisions until V8 has compiled what they need. */
const WARM_UP = 25_000;

/**
 * What one decision costs the server in a batch of a hundred, and alone, in processor time: of a batch the generator, which draws, encodes
 * and checks each question, has more to do than the server.
 */
export async function batches(report: Report, rounds: Omit<RoundOptions, 'rate'>): Promise<void> {
  const company = foundCompany(POLICIES);
  await using curfew = await startCurfewSide('Curfew', company);
  const compare = async (kind: string, alone: Order, together: Order, than: number): Promise<void> => {
    const { inTurn: next, ...questions } = batchesOf(curfew.questions, SIZE, together);
    const batch: Side = { name: 'batches', address: curfew.address, pid: curfew.pid, questions };
    const sides = [
      { side: batch, next },
      { side: curfew, next: alone },
    ];
    await warmUp(batch, next, WARM_UP / SIZE);
    await warmUp(curfew, alone, WARM_UP);
    const [inBatches = [], unary = []] = await alternate(report, sides, rounds);
    const batchUs = inBatches.map(({ cpuUs }) => cpuUs / SIZE);
    const unaryUs = unary.map(({ cpuUs }) => cpuUs);
    report.add({ name: `a decision in a batch of ${SIZE}, ${kind}`, unit: 'µs', value: spreadOf(batchUs) });
    report.add({ name: `a decision alone, ${kind}`, unit: 'µs', value: spreadOf(unaryUs) });
    const value = ratioOf(batchUs, unaryUs);
    report.add({ name: `in a batch ÷ alone, ${kind}`, unit: '×', value, bar: { is: 'at most', than } });
  };
  await compare('no question twice', inTurn(company), secondHalf(company), 0.4);
  await warmUp(curfew, inTurn(company), DRAWN_FROM);
  await compare('memo warm', drawn(company, DRAWN_FROM), drawn(company, DRAWN_FROM), 0.1);
}

/** Questions that the other order comes to last. */
function secondHalf(company: Company): Order {
  const next = inTurn(company);
  for (let skipped = 0; skipped < countPairs(company) / 2; skipped += 1) next();
  return next;
}
