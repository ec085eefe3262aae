import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';

const dayMs = 86_400_000;

/** An instant in local time with how far it is from now: `14:03:20 (in 19 s)`; empty when there is none. */
export function showInstant(timestamp: Timestamp | undefined, now: Date): string {
  if (timestamp === undefined) return '';
  const at = timestampDate(timestamp);
  return `${localTime(at, now)} (${distance(at, now)})`;
}

/** An instant in local time, with the date unless it is today: `14:03:20`. */
export function localTime(at: Date, now: Date): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  return at.toDateString() === now.toDateString() ? time : `${localDate(at)} ${time}`;
}

/** `in 19 s` or `5 min ago`; a time that is left is rounded down, so that it is never said to be longer. */
export function distance(at: Date, now: Date): string {
  const ms = at.getTime() - now.getTime();
  if (ms <= 0) return ms > -1_000 ? 'now' : `${span(-ms)} ago`;
  return `in ${span(ms)}`;
}

function span(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(`${minutes} min`, seconds % 60, 's');
  if (minutes < 60) return `${minutes} min`;
  if (ms < 2 * dayMs) return withRest(`${Math.floor(minutes / 60)} h`, minutes % 60, 'min');
  return `${Math.floor(ms / dayMs)} days`;
}

function withRest(text: string, rest: number, unit: string): string {
  return rest === 0 ? text : `${text} ${rest} ${unit}`;
}

function localDate(at: Date): string {
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
