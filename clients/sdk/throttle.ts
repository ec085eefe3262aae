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
  /** How long a call that was not sent or was refused waits before it is tried again; never the same for two calls. */
  pauseMs(): number;
}

/** How many calls are sent for each that is answered: some are refused, and so it shows when the service has time again. */
const sentForEachAnswer = 1.25;
const halfLifeMs = 1_000;
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
      const isSent = Math.random() >= (asked - sentForEachAnswer * answered) / (asked + 1);
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
