import fc from 'fast-check';

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Of a counterexample, to run it alone. */
  readonly path?: string | undefined;
}

/** Runs a property until the time is over. @returns whether it held; what did not is printed, with how to run it again */
export async function run<T>(
  name: string,
  property: fc.IRawProperty<T>,
  { seconds, seed, path }: FuzzOptions,
): Promise<boolean> {
  console.log(`${name}: seed ${seed}, ${seconds} s`);
  const details = await fc.check(property, {
    seed,
    ...(path === undefined ? {} : { path }),
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1_000,
    markInterruptAsFailure: false,
    maxSkipsPerRun: 1_000,
  });
  if (!details.failed) {
    console.log(`${name}: ${details.numRuns} runs, none failed`);
    return true;
  }
  const why =
    details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance);
  console.log(
    `${name}: failed after ${details.numRuns} runs and ${details.numShrinks} times made smaller\n${why}`,
  );
  console.log(`again: npm run fuzz -- ${name} --seed ${details.seed} --path ${details.counterexamplePath}`);
  return false;
}
