import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type LeanConnection, openLean } from './lean-connection.ts';
import type { Order, Questions } from './questions.ts';

/** What came of a time under load. */
export interface Measured {
  readonly calls: number;
  readonly perSecond: number;
  /** Calls without an answer, and answers that were wrong, by why. */
  readonly faults: ReadonlyMap<string, number>;
  /** Microseconds from when a call was sent, or was due. */
  readonly latency: RecordableHistogram;
}

export interface LoadOptions {
  /** host:port */
  readonly address: string;
  readonly questions: Questions;
  readonly next: Order;
  readonly connections: number;
  /** How long calls are begun. */
  readonly seconds: number;
  /** At most so many calls; as many as the time allows unless said. */
  readonly most?: number;
}

export interface ClosedLoopOptions extends LoadOptions {
  /** Calls under way at any time, over all connections. */
  readonly inFlight: number;
}

/** Asks the next question as soon as one is answered. */
export async function closedLoop(options: ClosedLoopOptions): Promise<Measured> {
  return await underLoad(options, (ask, isOver) => {
    const again = (lane: number): void => {
      if (isOver()) return;
      ask(lane, performance.now(), () => again(lane));
    };
    for (let lane = 0; lane < options.inFlight; lane += 1) again(lane);
  });
}

export interface OpenLoopOptions extends LoadOptions {
  /** Calls offered in a second, however many are answered. */
  readonly rate: number;
}

/**
 * Offers calls at a rate. Each is due at an instant of its own on a raster of a millisecond, and its latency counts from then: neither a slow
 * server nor a late generator is spared its waiting calls.
 */
export async function openLoop(options: OpenLoopOptions): Promise<Measured> {
  return await underLoad(options, (ask, isOver) => {
    const startMs = Math.ceil(performance.now());
    let offered = 0;
    const tick = (): void => {
      const dueMs = (): number => startMs + Math.floor((offered * 1_000) / options.rate);
      for (const nowMs = performance.now(); dueMs() <= nowMs && !isOver(); offered += 1)
        ask(offered, dueMs(), () => undefined);
      if (!isOver()) setTimeout(tick, Math.max(0, dueMs() - performance.now()));
    };
    tick();
  });
}

type Ask = (lane: number, fromMs: number, answered: () => void) => void;

async function underLoad(
  { address, questions, next, connections, seconds, most = Number.POSITIVE_INFINITY }: LoadOptions,
  start: (ask: Ask, isOver: () => boolean) => void,
): Promise<Measured> {
  const { path, token } = questions;
  const opened: LeanConnection[] = [];
  for (let index = 0; index < connections; index += 1) opened.push(await openLean({ address, path, token }));
  const latency = createHistogram({ figures: 3 });
  const faults = new Map<string, number>();
  let begun = 0;
  let calls = 0;
  const startedMs = performance.now();
  let lastMs = startedMs;
  const endMs = startedMs + seconds * 1_000;
  const isOver = (): boolean => begun >= most || performance.now() >= endMs;
  start((lane, fromMs, answered) => {
    const index = next();
    begun += 1;
    opened[lane % connections]?.ask(questions.message(index), (outcome) => {
      lastMs = performance.now();
      latency.record(Math.max(1, Math.round((lastMs - fromMs) * 1_000)));
      calls += 1;
      const fault = outcome.kind === 'failure' ? outcome.why : questions.faultOf(index, outcome.message);
      if (fault !== undefined) faults.set(fault, (faults.get(fault) ?? 0) + 1);
      answered();
    });
  }, isOver);
  await allAnswered(opened, isOver);
  for (const connection of opened) connection.close();
  return { calls, perSecond: (calls * 1_000) / (lastMs - startedMs), faults, latency };
}

const LAST_ANSWER_MS = 10_000;

/** Closing a connection ends what is still without an answer then as a failure. */
async function allAnswered(opened: readonly LeanConnection[], isOver: () => boolean): Promise<void> {
  const open = (): boolean => opened.some((connection) => connection.open > 0);
  for (let lastMs = Number.POSITIVE_INFINITY; performance.now() < lastMs && (open() || !isOver()); ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (isOver()) lastMs = Math.min(lastMs, performance.now() + LAST_ANSWER_MS);
  }
}
