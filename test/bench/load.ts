/** Calls that go on until they are told to stop, and what came of them. */
export interface Load {
  readonly calls: number;
  /** Each failed call's error, and how often it was seen. */
  readonly failures: ReadonlyMap<string, number>;
  /** Lets the calls under way finish. */
  stop(): Promise<void>;
}

/** Calls again and again in that many lanes. @param call resolves to what went wrong, undefined when nothing did */
export function startLoad(lanes: number, call: () => Promise<string | undefined>): Load {
  const failures = new Map<string, number>();
  let calls = 0;
  const stopping = new AbortController();

  async function callOn(): Promise<void> {
    while (!stopping.signal.aborted) {
      const failure = await call();
      calls += 1;
      if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1);
    }
  }

  const running = Promise.all(Array.from({ length: lanes }, callOn));
  return {
    get calls() {
      return calls;
    },
    failures,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** One line: how many calls, how many failed, and why. */
export function describeLoad({ calls, failures }: Load): string {
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
  const why = [...failures].map(([error, count]) => `\n  ${count} × ${error}`).join('');
  return `${calls} calls, ${failed} failed${why}`;
}
