import { setImmediate } from 'node:timers/promises';
import { CurfewError } from './curfew-error.ts';

/** Keeps a client from asking a service that refuses most of what it is asked: refusing costs the service time too. */
export interface Throttle {
  /** Whether a call may be sent; false by chance, the more often the more calls were refused lately. */
  maySend(): boolean;
  /** A call was answered, by whatever. */
  answered(): void;
  /** A call that could have waited longer than a refusal asks for was not answered in time. */
  unanswered(): void;
  /** The service refused a call and said how long to wait. */
  refused(pushbackMs: number): void;
  /** How long a call that was refused waits before it is tried again; never the same for two calls. */
  pauseMs(): number;
}

/** How many calls are sent for each that is answered: some are refused, and so it shows when the service has time again. */
const sentForEachAnswer = 1.25;
/** How many are sent whatever came of those before: few refusals say little. */
const sentAnyway = 3;
const halfLifeMs = 250;
export const usualPushbackMs = 50;

/** "Client-side throttling", sre.google/sre-book/handling-overload. */
export function createThrottle(): Throttle {
  let asked = 0;
  let answered = 0;
  let countedAt = performance.now();
  let pushback = usualPushbackMs;

  function count(): void {
    const now = performance.now();
    const left = 0.5 ** ((now - countedAt) / halfLifeMs);
    asked = asked * left + 1;
    answered *= left;
    countedAt = now;
  }

  return {
    maySend() {
      const isSent = Math.random() >= (asked - sentAnyway - sentForEachAnswer * answered) / (asked + 1);
      if (!isSent) count();
      return isSent;
    },
    answered() {
      count();
      answered += 1;
    },
    unanswered: count,
    refused(pushbackMs) {
      count();
      pushback = pushbackMs;
    },
    pauseMs: () => pushback * (1 + Math.random()),
  };
}

/**
 * What becomes of a call that is not sent. It comes in masses, and to write down where from would be most of what it costs; but never
 * before the event loop has gone on, or a caller who asks again at once would keep this process from reading any answer.
 */
export async function notSent(): Promise<CurfewError> {
  await setImmediate();
  const message = 'not sent: the service has too much to do and refuses most calls; call again later';
  const limit = Error.stackTraceLimit;
  Reflect.set(Error, 'stackTraceLimit', 0); // where the runtime forbids that, the error just costs more
  const error = new CurfewError('RESOURCE_EXHAUSTED', message, { reason: 'OVERLOADED' });
  Reflect.set(Error, 'stackTraceLimit', limit);
  return error;
}
