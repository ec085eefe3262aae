import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Terminal } from './terminal.ts';

/**
 * The terminal with the service's clock, however this machine's is set. It counts from when the question was sent, so that what is left
 * is never said to be longer than it is.
 * @param sentMs when the answer with that time was asked for, by `performance.now()`
 */
export function withServerClock(terminal: Terminal, now: Timestamp | undefined, sentMs: number): Terminal {
  if (now === undefined) return terminal;
  const startMs = timestampDate(now).getTime() - sentMs;
  return { ...terminal, now: () => new Date(startMs + performance.now()) };
}
