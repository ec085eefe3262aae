import { usageError } from './cli-error.ts';
import { parseDuration } from './duration.ts';

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;
const clock = /^([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * Reads an instant in the future: ISO 8601 with its zone, `14:30` of today in local time, or `+2h` from now.
 *
 * @throws CliError usage
 */
export function parseInstant(given: string, what: string, now: Date): Date {
  if (given.startsWith('+')) return new Date(now.getTime() + parseDuration(given.slice(1), what));
  const at = iso.test(given) ? new Date(given) : ofToday(given, now);
  const wanted = 'an instant such as 2026-03-01T09:00Z, 14:30 of today, or +2h';
  if (at === undefined || Number.isNaN(at.getTime()))
    throw usageError(what, `seen ${JSON.stringify(given)}, wanted ${wanted}`);
  if (at <= now) throw usageError(what, `seen ${given}, which is past; wanted ${wanted} in the future`);
  return at;
}

/** Undefined for what is no time, or one that the clocks skip or show twice today. */
function ofToday(given: string, now: Date): Date | undefined {
  const [, hours, minutes] = clock.exec(given) ?? [];
  if (hours === undefined || minutes === undefined) return undefined;
  const at = new Date(now);
  at.setHours(Number(hours), Number(minutes), 0, 0);
  const isShown = (date: Date) => date.getHours() === Number(hours) && date.getMinutes() === Number(minutes);
  const isTwice = [-3_600_000, 3_600_000].some((ms) => isShown(new Date(at.getTime() + ms)));
  return isShown(at) && !isTwice ? at : undefined;
}
