import type { Report } from '../report/report.ts';
import { foundCompany } from './company.ts';
import { compareLoads } from './compare-loads.ts';
import { startCurfewSide } from './curfew-side.ts';
import { eachOnce } from './granted.ts';
import { alternate, type RoundOptions, warmUp } from './sides.ts';

const FEW = 10;
/** Until V8 has compiled what is called often. */
const WARM_UP = 25_000;

export interface ManyPoliciesOptions extends Omit<RoundOptions, 'rate'> {
  /** How many to compare with ten; the last is the one that the bar is for. */
  readonly counts: readonly number[];
}

/** The same questions, none twice, with ten policies and with more. */
export async function manyPolicies(
  report: Report,
  { counts, ...rounds }: ManyPoliciesOptions,
): Promise<void> {
  for (const count of counts) {
    const [small, large] = [foundCompany(FEW), foundCompany(count)];
    await using few = await startCurfewSide('few', small);
    await using many = await startCurfewSide('many', large);
    const sides = [
      { side: many, next: eachOnce(large) },
      { side: few, next: eachOnce(small) },
    ];
    for (const { side, next } of sides) await warmUp(side, next, WARM_UP);
    const [withMany = [], withFew = []] = await alternate(report, sides, rounds);
    const conditions = 'policies, no question twice';
    compareLoads(
      report,
      { name: `${count.toLocaleString('en')} ${conditions}`, rounds: withMany },
      { name: `${FEW} ${conditions}`, rounds: withFew },
      0.8,
    );
  }
}
