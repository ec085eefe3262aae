import { parseArgs } from 'node:util';
import { openReport, type Report } from './report/report.ts';
import { againstCerbos } from './versus/against-cerbos.ts';
import { batches } from './versus/batches.ts';
import { inProcess } from './versus/in-process.ts';
import { manyGrants } from './versus/many-grants.ts';
import { manyPolicies } from './versus/many-policies.ts';
import type { RoundOptions } from './versus/sides.ts';

/** What `npm run bench -- authorize` was asked for. */
export interface AuthorizeOptions extends Omit<RoundOptions, 'rate'> {
  readonly isQuick: boolean;
  /** Calls a second where latencies are measured. */
  readonly offered: number;
}

const PARTS: Readonly<Record<string, (report: Report, options: AuthorizeOptions) => Promise<void>>> = {
  cerbos: (report, options) => againstCerbos(report, { ...options, policies: 20 }),
  'cerbos-1000': (report, options) => againstCerbos(report, { ...options, policies: 1_000 }),
  decide: inProcess,
  batches,
  policies: (report, options) =>
    manyPolicies(report, { ...options, counts: options.isQuick ? [1_000] : [100, 1_000, 10_000] }),
  grants: (report, options) =>
    manyGrants(report, { ...options, grants: options.isQuick ? 100_000 : 1_000_000 }),
};

const USAGE = `usage: npm run bench -- authorize [PART…] [--quick] [--json FILE] [--rounds 5] [--seconds 3] [--rate 1500]
parts: ${Object.keys(PARTS).join(', ')}; all unless said`;

/** The decision service beside Cerbos, and what its speed depends on: a table, and with --json a file. */
export async function authorize(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string' },
      rate: { type: 'string', default: '1500' },
    },
  });
  const options: AuthorizeOptions = {
    isQuick: values.quick,
    rounds: Number(values.rounds),
    seconds: Number(values.seconds ?? (values.quick ? 0.5 : 3)),
    offered: Number(values.rate),
  };
  const names = positionals.length === 0 ? Object.keys(PARTS) : positionals;
  const unknown = names.find((name) => PARTS[name] === undefined);
  if (unknown !== undefined || !Object.values(options).every((value) => Number(value) >= 0)) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const report = openReport();
  for (const name of names) await PARTS[name]?.(report, options);
  if (!(await report.finish(values.json))) process.exitCode = 1;
}
