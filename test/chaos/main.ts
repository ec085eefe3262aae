import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { runModel } from './model/main.ts';
import { report } from './report.ts';
import { run } from './run.ts';

const USAGE = `usage: npm run chaos -- --seed N --minutes M [--only FAULT]...
       npm run chaos -- model [--runs N] [--seed S]
  --seed      a whole number: the same one breaks the same things in the same order (default 1)
  --minutes   how long people work while things are broken, more than 0 and at most 50 (default 1)
  --only      breaks nothing else: ${FAULT_KINDS.join(', ')}, or none`;

/** A whole positive number, or undefined. */
function readNumber(text: string, isGood: (value: number) => boolean): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) && isGood(value) ? value : undefined;
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
    },
  });
  const seed = readNumber(values.seed, (value) => Number.isInteger(value) && value >= 0);
  const minutes = readNumber(values.minutes, (value) => value > 0 && value <= 50);
  if (seed === undefined)
    throw new Error(`--seed: seen ${JSON.stringify(values.seed)}, wanted a whole number`);
  if (minutes === undefined)
    throw new Error(`--minutes: seen ${JSON.stringify(values.minutes)}, wanted more than 0 and at most 50`);
  return { seed, durationMs: minutes * 60_000, kinds: readKinds(values.only) };
}

function readKinds(only: readonly string[]): readonly FaultKind[] {
  if (only.length === 0) return FAULT_KINDS;
  return only
    .filter((name) => name !== 'none')
    .map((name) => {
      const kind = FAULT_KINDS.find((it) => it === name);
      if (kind === undefined)
        throw new Error(
          `--only: seen ${JSON.stringify(name)}, wanted one of ${FAULT_KINDS.join(', ')}, none`,
        );
      return kind;
    });
}

function optionsOrUsage() {
  try {
    return readArguments();
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'model') process.exit(await runModel(rest));
const options = optionsOrUsage();
console.log(`seed ${options.seed}, ${options.durationMs / 1_000} s`);
const result = await run({ ...options, say: (text) => console.log(text) });
console.log(report(result));
// Connections of clients may still linger.
process.exit(result.violations.length > 0 ? 1 : 0);
