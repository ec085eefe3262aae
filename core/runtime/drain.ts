const defaultDrainMs = 2_000;
const longestDrainMs = 20_000;

/** What `parseDrainMs` takes. */
export const drainWanted = 'whole seconds or a duration, from 0 (do not wait) to 20s, such as 2s or 500ms';

/** The milliseconds of a text; undefined when it is malformed or out of bounds. */
export function parseDrainMs(text: string): number | undefined {
  const { count, unit } = /^(?<count>\d{1,5})(?<unit>ms|s)?$/.exec(text)?.groups ?? {};
  if (count === undefined) {
    return undefined;
  }
  const ms = Number(count) * (unit === 'ms' ? 1 : 1_000);
  return ms <= longestDrainMs ? ms : undefined;
}

/** How long a process that is told to stop goes on answering while it says that it is not serving. A wrong text is the configuration's error to report. */
export function drainMsOf(env: Readonly<Record<string, string | undefined>>): number {
  return parseDrainMs(env['CURFEW_DRAIN'] ?? '') ?? defaultDrainMs;
}
