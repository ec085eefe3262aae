import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { fieldError } from '../access/access-error.ts';

const nanosPerMs = 1_000_000;
const msPerSecond = 1_000;
/** The longest google.protobuf.Duration, 10,000 years. */
const maxSeconds = 315_576_000_000n;
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/**
 * A span in whole milliseconds, zero or more. The way back is `durationFromMs` of `@bufbuild/protobuf/wkt`.
 *
 * @throws AccessError FIELD_INVALID when negative, out of range or finer than a millisecond
 */
export function msFromDuration(duration: Duration, field: string): number {
  const { seconds, nanos } = duration;
  const seen = `seen ${seconds}s and ${nanos}ns`;
  if (seconds > maxSeconds || seconds < -maxSeconds || nanos <= -1e9 || nanos >= 1e9) {
    throw fieldError(field, `${seen}, wanted at most ${maxSeconds}s and less than 1000000000ns`);
  }
  if (seconds < 0n || nanos < 0) {
    throw fieldError(field, `${seen}, wanted a span that is not negative`);
  }
  if (nanos % nanosPerMs !== 0) {
    throw fieldError(field, `${seen}, wanted whole milliseconds`);
  }
  return Number(seconds) * msPerSecond + nanos / nanosPerMs;
}

/**
 * An instant to the millisecond. The way back is `timestampFromDate` of `@bufbuild/protobuf/wkt`.
 *
 * @throws AccessError FIELD_INVALID when outside the years 1 to 9999 or finer than a millisecond
 */
export function dateFromTimestamp(timestamp: Timestamp, field: string): Date {
  const { seconds, nanos } = timestamp;
  const seen = `seen ${seconds}s and ${nanos}ns since 1970`;
  if (seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos >= 1e9) {
    throw fieldError(field, `${seen}, wanted an instant of the years 1 to 9999 with 0 to 999999999ns`);
  }
  if (nanos % nanosPerMs !== 0) {
    throw fieldError(field, `${seen}, wanted whole milliseconds`);
  }
  return new Date(Number(seconds) * msPerSecond + nanos / nanosPerMs);
}
