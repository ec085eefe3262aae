/**
 * Loaded before a service (`--import`): its wall clock goes wrong when it is told so over the IPC channel. What it does with a
 * wrong clock is what is being tried; the clock that never steps stays as it is, as on a machine whose time somebody sets.
 */
const RealDate = Date;
let offsetMs = 0;

class SkewedDate extends RealDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(SkewedDate.now());
    else super(...(given as ConstructorParameters<DateConstructor>)); // as given to Date itself
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = SkewedDate as unknown as DateConstructor; // nobody here calls it as a function
process.on('message', (message) => {
  if (typeof message === 'object' && message !== null && 'clockOffsetMs' in message)
    offsetMs = Number(message.clockOffsetMs);
});
// Listening must not keep the process alive.
process.channel?.unref();
