import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run chaos -- model [--runs N] [--seed S]
  --runs   how many lives are lived, of at most 60 commands each (default 2000)
  --seed   a whole number, a negative one as --seed=-5: the same one lives the same lives (default: another each time, printed when one goes wrong)`;

interface Arguments {
  readonly runs: string;
  readonly seed: string | undefined;
}

/** @returns what is wrong with them, when something is */
function readArguments(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string' } },
    });
    const { runs, seed } = values;
    const isGood = /^[1-9]\d{0,5}$/.test(runs) && (seed === undefined || /^-?\d{1,10}$/.test(seed));
    return isGood ? { runs, seed } : `seen ${JSON.stringify(values)}, wanted whole numbers`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the model's test with as many lives as are asked for. @returns its exit code */
export async function runModel(args: readonly string[]): Promise<number> {
  const read = readArguments(args);
  if (typeof read === 'string') {
    console.error(`chaos model: ${read}\n${USAGE}`);
    return 2;
  }
  const { runs, seed } = read;
  const env = {
    ...process.env,
    CURFEW_TEST_MODEL_RUNS: runs,
    ...(seed === undefined ? {} : { CURFEW_TEST_MODEL_SEED: seed }),
  };
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/chaos/model'], {
    env,
    stdio: 'inherit',
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once('exit', (code) => resolve(code ?? 1));
  return await promise;
}
