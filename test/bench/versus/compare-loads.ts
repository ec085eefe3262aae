import type { Report } from '../report/report.ts';
import { ratioOf, spreadOf } from '../report/spread.ts';
import type { Round } from './sides.ts';

/** The same service with more of something, by rounds. */
export interface Loaded {
  /** What there is so much of: `1,000 live grants`. */
  readonly name: string;
  readonly rounds: readonly Round[];
}

/** What each load came to, and which share of the calls is left with the larger one. Processor time is what others on the machine change least. */
export function compareLoads(report: Report, large: Loaded, small: Loaded, atLeast: number): void {
  for (const { name, rounds } of [small, large]) {
    report.add({
      name: `Curfew, ${name}`,
      unit: 'calls/s',
      value: spreadOf(rounds.map(({ perSecond }) => perSecond)),
    });
    report.add({
      name: `Curfew, ${name}: processor time of the server`,
      unit: 'µs/call',
      value: spreadOf(rounds.map(({ cpuUs }) => cpuUs)),
    });
  }
  const of = (figure: 'perSecond' | 'cpuUs', { rounds }: Loaded) => rounds.map((round) => round[figure]);
  report.add({
    name: `${large.name} ÷ ${small.name}`,
    unit: '×',
    value: ratioOf(of('perSecond', large), of('perSecond', small)),
    bar: { is: 'at least', than: atLeast },
  });
  report.add({
    name: `the same by processor time: ${small.name} ÷ ${large.name}`,
    unit: '×',
    value: ratioOf(of('cpuUs', small), of('cpuUs', large)),
  });
}
