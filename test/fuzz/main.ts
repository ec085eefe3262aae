import { parseArgs } from 'node:util';
import { fuzzAuthorize } from './authorize.ts';
import { fuzzPolicy } from './policy.ts';
import type { FuzzOptions } from './run.ts';
import { fuzzService } from './service.ts';

type Options = FuzzOptions & { readonly calls: number; readonly policies: number };

const FUZZES: Readonly<Record<string, (options: Options) => Promise<boolean>>> = {
  authorize: fuzzAuthorize,
  policy: fuzzPolicy,
  service: fuzzService,
};

const USAGE = `usage: npm run fuzz -- ${Object.keys(FUZZES).join('|')} [--seconds 60] [--seed 1] [--path 3:0:1], or service [--calls 100000] [--policies 1000]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    path: { type: 'string' },
    calls: { type: 'string', default: '100000' },
    policies: { type: 'string', default: '1000' },
  },
});
const fuzz = FUZZES[positionals[0] ?? ''];
const options: Options = {
  seconds: Number(values.seconds),
  seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
  path: values.path,
  calls: Number(values.calls),
  policies: Number(values.policies),
};
if (fuzz === undefined || !(options.seconds > 0) || !Number.isInteger(options.seed)) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (!(await fuzz(options))) process.exitCode = 1;
