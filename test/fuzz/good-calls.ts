import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Where good calls go, and who asks. */
export interface GoodCallsOptions {
  readonly address: string;
  readonly token: string;
  /** Of `foundCompany`. */
  readonly policies: number;
  readonly people: number;
}

/** What became of good calls. */
export interface GoodCalls {
  readonly asked: number;
  readonly faults: readonly (readonly [string, number])[];
  /** The worst of all slices. */
  readonly p99Ms: number;
}

const CALLER = fileURLToPath(new URL('./good-caller.ts', import.meta.url));

/** Makes good calls in a process of its own: what else this one does would hold them up until they come all at once. @returns ends them */
export function startGoodCalls(options: GoodCallsOptions): () => Promise<GoodCalls> {
  const caller = fork(CALLER, [JSON.stringify(options)]);
  const said = once(caller, 'message');
  return async () => {
    caller.send('over');
    const [goodCalls] = (await said) as [GoodCalls]; // what it sends
    caller.disconnect();
    return goodCalls;
  };
}
