import { parseArgs } from 'node:util';
import { fuzzAuthorize } from './authorize.ts';
import { fuzzPolicy } from './policy.ts';
import type { FuzzOptions } from './run.ts';

const FUZZES: Readonly<Record<string, (options: FuzzOptions) => Promise<boolean>>> = {
  authorize: fuzzAuthorize,
  policy: fuzzPolicy,
};

const USAGE = `usage: npm run fuzz -- ${Object.keys(FUZZES).join('|')} [--seconds 60] [--seed 1] [--path 3:0:1]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, path: { type: 'string' } },
});
const fuzz = FUZZES[positionals[0] ?? ''];
const options: FuzzOptions = {
  seconds: Number(values.seconds),
  seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
  path: values.path,
};
if (fuzz === undefined || !(options.seconds > 0) || !Number.isInteger(options.seed)) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (!(await fuzz(options))) process.exitCode = 1;
