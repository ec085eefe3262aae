import { parseArgs } from 'node:util';
import { cpuTimeMs } from './cpu-time.ts';
import { familyRssBytes } from './process-family.ts';
import { openReport } from './report/report.ts';
import { spreadOf } from './report/spread.ts';
import { foundCompany } from './versus/company.ts';
import { startCurfew } from './versus/curfew.ts';
import { grantsOfOthers, STRANGERS } from './versus/many-grants.ts';

const POLICIES = 20;
const PEOPLE = 50;
const MOST_S = 10;
const MOST_GB = 1.2;

/** What it takes a process of each service to begin with many live grants and a directory of a hundred thousand. */
export async function bootstrap(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      grants: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
    },
  });
  const grants = Number(values.grants);
  const company = foundCompany(POLICIES, PEOPLE);
  await using services = await startCurfew({
    company,
    grants: grantsOfOthers(company, grants),
    strangers: STRANGERS,
  });
  const report = openReport();
  report.note(`${grants.toLocaleString('en')} live grants; from the start of the process until it is ready`);
  for (const service of ['decision', 'grant'] as const) {
    const readyS: number[] = [];
    const cpuS: number[] = [];
    const gigabytes: number[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      await using begun = await services.begin(service);
      readyS.push(begun.readyMs / 1_000);
      cpuS.push((await cpuTimeMs(begun.pid)) / 1_000);
      gigabytes.push((await familyRssBytes(begun.pid)) / 1e9);
    }
    const atMost = (than: number) =>
      service === 'decision' ? { bar: { is: 'at most', than } as const } : {};
    report.add({ name: `${service}: ready`, unit: 's', value: spreadOf(readyS), ...atMost(MOST_S) });
    report.add({ name: `${service}: processor time until then`, unit: 's', value: spreadOf(cpuS) });
    report.add({
      name: `${service}: resident then`,
      unit: 'GB',
      value: spreadOf(gigabytes),
      ...atMost(MOST_GB),
    });
  }
  if (!(await report.finish(values.json))) process.exitCode = 1;
}
