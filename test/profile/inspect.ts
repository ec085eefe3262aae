import { once } from 'node:events';
import type { Profiler } from 'node:inspector';

/** A process that was started with `--inspect`, as far as profiling it goes. */
export interface Inspected {
  start(): Promise<void>;
  /** What it did since `start`. */
  stop(): Promise<Profiler.Profile>;
  close(): void;
}

const INTERVAL_US = 200;

/** @param port that it is inspected at, on loopback */
export async function inspect(port: number): Promise<Inspected> {
  const list: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [target] = list as readonly { readonly webSocketDebuggerUrl: string }[]; // as Node's inspector documents it
  if (target === undefined) throw new Error(`nothing is inspected at ${port}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { readonly id: number; readonly result: unknown }; // likewise
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  let last = 0;
  const call = (method: string, params: object = {}): Promise<unknown> => {
    last += 1;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(last, resolve);
    socket.send(JSON.stringify({ id: last, method, params }));
    return promise;
  };
  return {
    async start() {
      await call('Profiler.enable');
      await call('Profiler.setSamplingInterval', { interval: INTERVAL_US });
      await call('Profiler.start');
    },
    stop: async () => ((await call('Profiler.stop')) as { readonly profile: Profiler.Profile }).profile, // likewise
    close: () => socket.close(),
  };
}
