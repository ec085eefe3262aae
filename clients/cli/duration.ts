import type { Duration } from '@bufbuild/protobuf/wkt';
import { usageError } from './cli-error.ts';

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const pattern = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** Reads `20s`, `15m`, `1h30m` or `500ms` as milliseconds, more than zero. @throws CliError usage */
export function parseDuration(given: string, what: string): number {
  const amounts = pattern.exec(given)?.slice(1) ?? [];
  const ms = units.reduce((sum, [, each], index) => sum + Number(amounts[index] ?? 0) * each, 0);
  if (ms > 0) return ms;
  const wanted = amounts.some((amount) => amount !== undefined)
    ? 'more than zero'
    : 'such as 20s, 15m or 1h30m';
  throw usageError(what, `seen ${JSON.stringify(given)}, wanted a duration ${wanted}`);
}

/** Writes milliseconds as `parseDuration` reads them, shortest form; `0s` for none. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  let text = '';
  for (const [unit, each] of units) {
    const amount = Math.floor(rest / each);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * each;
  }
  return text === '' ? '0s' : text;
}

/** A duration of the API as milliseconds, rounded; undefined when there is none. */
export function millis(duration: Duration | undefined): number | undefined {
  return duration === undefined
    ? undefined
    : Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1e6);
}

/** A duration of the API as a person writes it; empty when there is none. */
export function showDuration(duration: Duration | undefined): string {
  const ms = millis(duration);
  return ms === undefined ? '' : formatDuration(ms);
}
