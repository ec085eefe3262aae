import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Mutant, NamedTests } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { plant } from './plant.ts';

const USAGE = `usage: npm run mutants -- [--seed N] [--seconds S] [--only MUTANT]...
  MUTANT: ${MUTANTS.map((mutant) => mutant.name).join(', ')}`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', multiple: true, default: [] },
  },
});

interface Verdict {
  /** The invariants that a run found violated, or the tests that failed. */
  readonly violated: readonly string[];
  readonly output: string;
}

async function tryOut(copy: string, mutant: Mutant): Promise<Verdict> {
  return mutant.tests === undefined ? await runUnderFaults(copy, mutant) : await runTests(copy, mutant.tests);
}

async function runTests(copy: string, { file }: NamedTests): Promise<Verdict> {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const args = ['node_modules/vitest/vitest.mjs', 'run', file, '--reporter=tap-flat'];
  execFile(process.execPath, args, { cwd: copy, maxBuffer: 2 ** 26 }, (_, stdout, stderr) => {
    const failed = Array.from(
      stdout.matchAll(/^not ok \d+ - (.*?)(?: # time=.*)?$/gm),
      ([, title = '']) => title,
    );
    resolve({ violated: failed.map((title) => title.split(' > ').at(-1) ?? title), output: stdout + stderr });
  });
  return await promise;
}

async function runUnderFaults(copy: string, { kinds }: Mutant): Promise<Verdict> {
  const only = (kinds.length === 0 ? ['none'] : kinds).flatMap((kind) => ['--only', kind]);
  const minutes = String(Number(values.seconds) / 60);
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  execFile(
    process.execPath,
    ['test/chaos/main.ts', '--seed', values.seed, '--minutes', minutes, ...only],
    { cwd: copy, maxBuffer: 2 ** 26 },
    (_, stdout, stderr) => {
      const output = stdout + stderr;
      resolve({ violated: Array.from(output.matchAll(/^(\w+) VIOLATED/gm), ([, id = '']) => id), output });
    },
  );
  return await promise;
}

/** Whether the fault was found by what it breaks, not by something else that went wrong. */
async function kill(mutant: Mutant): Promise<boolean> {
  const copy = await plant(mutant);
  const { violated, output } = await tryOut(copy, mutant);
  await rm(copy, { recursive: true });
  const wanted = mutant.tests?.titles ?? mutant.violates;
  const found = wanted.filter((invariant) => violated.includes(invariant));
  console.log(
    `${found.length > 0 ? 'found    ' : 'NOT FOUND'} ${mutant.name.padEnd(26)} ${violated.join(' ')}`,
  );
  if (found.length === 0) console.log(output);
  return found.length > 0;
}

const unknown = values.only.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown.length > 0 || !(Number(values.seconds) > 0) || !Number.isInteger(Number(values.seed))) {
  console.error(`mutants: seen ${JSON.stringify(values)}\n${USAGE}`);
  process.exit(2);
}
const chosen = MUTANTS.filter((mutant) => values.only.length === 0 || values.only.includes(mutant.name));
let found = 0;
for (const mutant of chosen) if (await kill(mutant)) found += 1;
console.log(`${found} of ${chosen.length} planted faults found`);
process.exit(found === chosen.length ? 0 : 1);
