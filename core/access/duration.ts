const UNITS = [
  ['d', 86_400_000n],
  ['h', 3_600_000n],
  ['m', 60_000n],
  ['s', 1_000n],
  ['ms', 1n],
] as const;

const DURATION =
  /^(-)?(?:(\d{1,19})d)?(?:(\d{1,19})h)?(?:(\d{1,19})m(?!s))?(?:(\d{1,19})s)?(?:(\d{1,19})ms)?$/;

const INT64_MAX = 2n ** 63n - 1n;

/**
 * Reads a Cedar duration string ("1h30m", "24h", "500ms") exactly, in milliseconds; undefined when Cedar would refuse it.
 * Units in the order d h m s ms, each at most once (docs.cedarpolicy.com, `duration()`); the sum must fit int64.
 */
export function durationMillis(text: string): bigint | undefined {
  const match = DURATION.exec(text);
  const amounts = match?.slice(2);
  if (match === null || amounts === undefined || amounts.every((amount) => amount === undefined))
    return undefined;
  const sign = match[1] === '-' ? -1n : 1n;
  let total = 0n;
  for (const [index, [, millis]] of UNITS.entries()) total += sign * BigInt(amounts[index] ?? '0') * millis;
  return total < -INT64_MAX - 1n || total > INT64_MAX ? undefined : total;
}

/** Reads a Cedar duration string as milliseconds; undefined when it is none or a number cannot hold it exactly. */
export function parseDuration(text: string): number | undefined {
  const millis = durationMillis(text);
  if (millis === undefined) return undefined;
  const ms = Number(millis);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Writes whole milliseconds as the shortest Cedar duration string: 5_400_000 is "1h30m", 0 is "0ms". */
export function formatDuration(ms: number): string {
  let rest = BigInt(Math.abs(ms));
  let text = '';
  for (const [unit, millis] of UNITS) {
    if (rest >= millis) text += `${rest / millis}${unit}`;
    rest %= millis;
  }
  return text === '' ? '0ms' : `${ms < 0 ? '-' : ''}${text}`;
}
