import { familyRssBytes } from '../process-family.ts';
import type { Report } from '../report/report.ts';
import { spreadOf } from '../report/spread.ts';
import { type BulkGrant } from './bulk-grants.ts';
import { type Company, foundCompany } from './company.ts';
import { compareLoads } from './compare-loads.ts';
import { startCurfewSide } from './curfew-side.ts';
import { grantOn, inTurn } from './granted.ts';
import { alternate, type RoundOptions, warmUp } from './sides.ts';

const POLICIES = 20;
/** They hold a grant on each of twenty environments: 1,000. */
const PEOPLE = 50;
const FEW = 1_000;
/** With the company they are a hundred thousand entities. */
export const STRANGERS = 97_800;
const WARM_UP = 10_000;

export interface ManyGrantsOptions extends Omit<RoundOptions, 'rate'> {
  readonly grants: number;
}

/** The same questions with a thousand live grants and with as many as said, and what it takes to begin with those. */
export async function manyGrants(report: Report, { grants, ...rounds }: ManyGrantsOptions): Promise<void> {
  const company = foundCompany(POLICIES, PEOPLE);
  const many = `${grants.toLocaleString('en')} live grants`;
  await using few = await startCurfewSide('few', company);
  await using lots = await startCurfewSide('many', company, {
    others: grantsOfOthers(company, grants - FEW),
    strangers: STRANGERS,
  });
  const begun = {
    bar: { is: 'at most', than: 10 },
    conditions: 'from the start of the process until it is ready',
  } as const;
  report.add({
    name: `begin with ${many}`,
    unit: 's',
    value: spreadOf([lots.services.readyMs / 1_000]),
    ...begun,
  });
  const rss = await familyRssBytes(lots.pid());
  const sides = [lots, few].map((side) => ({ side, next: inTurn(company) }));
  for (const { side, next } of sides) await warmUp(side, next, WARM_UP);
  const [withMany = [], withFew = []] = await alternate(report, sides, rounds);
  const gigabytes = [rss, await familyRssBytes(lots.pid())].map((bytes) => bytes / 1e9);
  report.add({
    name: `memory with ${many}`,
    unit: 'GB',
    value: spreadOf(gigabytes),
    bar: { is: 'at most', than: 1.2 },
    conditions: 'resident: when it was ready, and after the load',
  });
  const thousand = `${FEW.toLocaleString('en')} live grants`;
  compareLoads(report, { name: many, rounds: withMany }, { name: thousand, rounds: withFew }, 0.9);
}

/** Of users who are in the directory, each on a few environments. */
export function grantsOfOthers({ environments }: Company, count: number): readonly BulkGrant[] {
  return Array.from({ length: count }, (_, index) =>
    grantOn(
      `stranger-${index % STRANGERS}`,
      environments[Math.floor(index / STRANGERS) % environments.length] ?? '',
    ),
  );
}
