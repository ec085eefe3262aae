import { availableParallelism } from 'node:os';
import type { Report } from '../report/report.ts';
import { ratioOf, spreadOf } from '../report/spread.ts';
import { cerbosQuestions } from './cerbos-questions.ts';
import { startCerbos } from './cerbos.ts';
import { type Company, foundCompany } from './company.ts';
import { startCurfewSide } from './curfew-side.ts';
import { drawn, eachOnce } from './granted.ts';
import { besideH2load } from './h2load.ts';
import { alternate, CONNECTIONS, IN_FLIGHT, type RoundOptions, type Side, warmUp } from './sides.ts';

/** Of so many questions those come that are asked again and again. */
const DRAWN_FROM = 10_000;
/** Of each decision process before it is measured: V8 compiles what is called often, and a young process takes up to four times as long for a call. */
const WARM_UP_CALLS = 25_000;

export interface AgainstOptions extends Omit<RoundOptions, 'rate'> {
  readonly policies: number;
  /** Calls a second for the latencies. */
  readonly offered: number;
}

/** Curfew beside Cerbos, alternately, over the same questions with the same number of policies. */
export async function againstCerbos(report: Report, options: AgainstOptions): Promise<void> {
  const { policies, offered, ...rounds } = options;
  const company = foundCompany(policies);
  await using cerbos = await startCerbos(company);
  const workers = availableParallelism();
  await using curfew = await startCurfewSide('Curfew', company, { workers });
  report.note(
    `Curfew: ${workers} decision processes behind one port, one for each core; Cerbos: one process, which takes all cores. Before they are measured ` +
      `each of Curfew's answers ${WARM_UP_CALLS.toLocaleString('en')} calls of a kind, until V8 has compiled what they need, and Cerbos, which is compiled, ${DRAWN_FROM.toLocaleString('en')}.`,
  );
  tellConditions(report, company, cerbos.version);
  const sides: readonly Side[] = [
    curfew,
    { name: 'Cerbos', address: cerbos.address, questions: cerbosQuestions(company), pid: () => cerbos.pid },
  ];
  const warmUpBoth = async (orders: Sides): Promise<void> => {
    for (const { side, next } of orders)
      await warmUp(side, next, side === curfew ? WARM_UP_CALLS * workers : DRAWN_FROM);
  };
  const once = sides.map((side) => ({ side, next: eachOnce(company) }));
  await warmUpBoth(once);
  await compare(report, `${policies} policies, no question twice`, once, rounds, 1.3);
  for (const side of sides) await warmUp(side, eachOnce(company), DRAWN_FROM);
  const again = sides.map((side) => ({ side, next: drawn(company, DRAWN_FROM) }));
  await warmUpBoth(again);
  await compare(report, `${policies} policies, memo warm`, again, rounds, 3);
  await compareLatency(report, `${policies} policies, memo warm`, again, { ...rounds, rate: offered });
  await besideH2load(report, sides, rounds);
}

function tellConditions(report: Report, { people, databases, environments }: Company, version: string): void {
  report.note(
    `Curfew and Cerbos ${version}, alternately: may this person read this database; ${people.length} people × ${databases.length} databases, all ` +
      `permitted by ${people.length * environments.length} live grants; ${IN_FLIGHT} at once on ${CONNECTIONS} connections; every answer checked.`,
  );
  report.note(
    'Unequal, for Cerbos: no authentication (it has none; Curfew checks a bearer token), and no grants to look up (its caller says in each call which ' +
      'groups, attributes and grant there are; Curfew knows them). Unequal, for Curfew: it is sent less. Equal: questions, attributes, rules (one ' +
      'Cedar policy = one rule of a Cerbos resource policy, groups = roles), no TLS, loopback, metrics on, no audit or decision log, one question a call.',
  );
}

type Sides = Parameters<typeof alternate>[1];

async function compare(
  report: Report,
  name: string,
  sides: Sides,
  options: RoundOptions,
  than: number,
): Promise<void> {
  const [ours = [], theirs = []] = await alternate(report, sides, options);
  const rates = [ours, theirs].map((rounds) => rounds.map(({ perSecond }) => perSecond));
  for (const [index, { side }] of sides.entries()) {
    report.add({ name: `${side.name}, ${name}`, unit: 'calls/s', value: spreadOf(rates[index] ?? []) });
    const cpu = [ours, theirs][index] ?? [];
    report.add({
      name: `${side.name}, ${name}: processor time of the server`,
      unit: 'µs/call',
      value: spreadOf(cpu.map(({ cpuUs }) => cpuUs)),
    });
  }
  const value = ratioOf(rates[0] ?? [], rates[1] ?? []);
  report.add({ name: `Curfew ÷ Cerbos, ${name}`, unit: '×', value, bar: { is: 'at least', than } });
}

async function compareLatency(
  report: Report,
  name: string,
  sides: Sides,
  options: RoundOptions & { readonly rate: number },
): Promise<void> {
  const [ours = [], theirs = []] = await alternate(report, sides, options);
  const p99 = [ours, theirs].map((rounds) => rounds.map(({ latency }) => latency.percentile(99) / 1_000));
  const at = `at ${options.rate}/s offered`;
  for (const [index, { side }] of sides.entries())
    report.add({ name: `${side.name}, ${name}: p99 ${at}`, unit: 'ms', value: spreadOf(p99[index] ?? []) });
  const value = ratioOf(p99[0] ?? [], p99[1] ?? []);
  report.add({
    name: `Curfew's p99 ÷ Cerbos's ${at}, ${name}`,
    unit: '×',
    value,
    bar: { is: 'at most', than: 0.5 },
  });
}
