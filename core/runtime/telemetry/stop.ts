const STOP_MS = 2_000;

/** What sends traces and logs of this process, if anything does: like OpenTelemetry's own API, one for the whole process. */
let stopSending: () => Promise<void> = async () => undefined;

/** Registers what sends, to be stopped at the end of the process. */
export function stopAtEnd(stop: () => Promise<void>): void {
  stopSending = stop;
}

/** Sends what is left, within two seconds: a collector that is away or hangs must not hold up the end. Never rejects. */
export async function stopTelemetry(): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, STOP_MS);
  await Promise.race([stopSending().catch(() => undefined), late]);
  clearTimeout(timer);
}
