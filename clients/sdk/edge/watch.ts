import { setTimeout as delay } from 'node:timers/promises';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Channel } from '../channel.ts';
import { CurfewError } from '../curfew-error.ts';
import type { EntityName } from '../value.ts';
import type { EdgeCache } from './edge-cache.ts';
import { look } from './instant.ts';

export interface WatchedBy {
  readonly channel: Channel;
  readonly cache: EdgeCache;
  /** Empty = anybody. */
  readonly principals: readonly EntityName[];
  /** Told why there is no stream, once for each reason in a row. */
  readonly onError: ((error: CurfewError) => void) | undefined;
}

/** A watch that goes on until it is closed, over as many streams as it takes. */
export interface EdgeWatch {
  close(): void;
}

const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** After a refusal that only somebody's doing can end. */
const refusedPauseMs = 30_000;
/** A stream that says nothing for so long is given up: longer than a database stands still at most times. */
const mostSilentMs = 10_000;
const refusals: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'UNIMPLEMENTED', 'INVALID_ARGUMENT']);

/** Keeps the cache in step with the service. Each stream begins with nothing kept, for what changed before it is not told. */
export function watchForEdge(watched: WatchedBy): EdgeWatch {
  const closing = new AbortController();
  void goOn(watched, closing.signal);
  return { close: () => closing.abort() };
}

async function goOn(watched: WatchedBy, closing: AbortSignal): Promise<void> {
  let said = '';
  for (let failures = 0; !closing.aborted; failures += 1) {
    const begunMs = performance.now();
    const error = await watchOnce(watched, closing);
    watched.cache.end();
    if (closing.aborted) return;
    if (performance.now() - begunMs > longestPauseMs) [failures, said] = [0, ''];
    if (error !== undefined && error.code !== said) {
      said = error.code;
      tell(watched.onError, error);
    }
    await pause(
      error !== undefined && refusals.has(error.code) ? refusedPauseMs : pauseMs(failures),
      closing,
    );
  }
}

/** Resolves when the stream ended, to the reason if that was an error. */
async function watchOnce(
  { channel, cache, principals }: WatchedBy,
  closing: AbortSignal,
): Promise<CurfewError | undefined> {
  const silence = new AbortController();
  const signal = AbortSignal.any([closing, silence.signal]);
  const watchdog = setTimeout(() => silence.abort(), mostSilentMs).unref();
  let askedAt = look();
  const onSend = (): void => {
    askedAt = look();
  };
  const request = { principals: principals.map(({ type, id }) => ({ type, id })) };
  try {
    const stream = channel.serverStream(DecisionService.method.watchChanges, request, { signal, onSend });
    for await (const { event } of stream) {
      watchdog.refresh();
      if (event.case === 'change') cache.forget(event.value);
      if (event.case === 'heartbeat' && cache.hear(event.value, askedAt, look())) return undefined;
    }
    return undefined;
  } catch (error) {
    return CurfewError.from(error);
  } finally {
    clearTimeout(watchdog);
  }
}

function pauseMs(failures: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal, ref: false });
  } catch {
    // it was closed, which the loop sees
  }
}

function tell(onError: WatchedBy['onError'], error: CurfewError): void {
  try {
    onError?.(error);
  } catch (fault) {
    process.emitWarning(`the onError of the edge cache failed: ${String(fault)}`);
  }
}
