import { isIPv4, isIPv6 } from 'node:net';
import { durationMillis } from '../access/duration.ts';
import type { ExtensionName } from './schema-shape.ts';

const DECIMAL = /^(-?)(\d{1,15})\.(\d{1,4})$/;
const DECIMAL_MAX = 2n ** 63n;
const PREFIX = /^(?:0|[1-9]\d{0,2})$/;
const DATETIME = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.\d{3})?(?:Z|[+-](\d{2})(\d{2})))?$/;

/** What the argument of each constructor looks like, for messages. */
export const EXTENSION_EXAMPLES: Readonly<Record<ExtensionName, string>> = {
  ip: 'an IP address or range such as "192.0.2.0/24"',
  decimal: 'a decimal with 1 to 4 digits after the point such as "1.5"',
  datetime: 'an instant such as "2026-01-31T09:00:00Z" or "2026-01-31T09:00:00.000+0100"',
  duration: 'a duration such as "1h30m"',
};

/** Whether Cedar's constructor takes the argument; never more generous than Cedar (docs.cedarpolicy.com/policies/syntax-datatypes.html). */
export function isExtensionArgument(name: ExtensionName, argument: string): boolean {
  switch (name) {
    case 'ip':
      return isAddress(argument);
    case 'decimal':
      return isDecimal(argument);
    case 'datetime':
      return isDatetime(argument);
    case 'duration':
      return durationMillis(argument) !== undefined;
  }
}

/** Cedar refuses zones and IPv4 inside IPv6, which Node takes. */
function isAddress(argument: string): boolean {
  const [address = '', prefix, ...more] = argument.split('/');
  if (more.length > 0 || /[%]|:.*\./.test(address)) return false;
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  if (bits === undefined) return false;
  return prefix === undefined || (PREFIX.test(prefix) && Number(prefix) <= bits);
}

/** An int64 of ten-thousandths. */
function isDecimal(argument: string): boolean {
  const [, sign, whole, fraction] = DECIMAL.exec(argument) ?? [];
  if (whole === undefined || fraction === undefined) return false;
  const units = BigInt(whole) * 10_000n + BigInt(fraction.padEnd(4, '0'));
  return units < DECIMAL_MAX || (sign === '-' && units === DECIMAL_MAX);
}

function isDatetime(argument: string): boolean {
  const [, year, month, day, hour, minute, second, offsetHour, offsetMinute] = DATETIME.exec(argument) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day)); // Date.UTC reads years below 100 as 19xx
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const below = (part: string | undefined, limit: number): boolean =>
    part === undefined || Number(part) < limit;
  return (
    isDay &&
    below(hour, 24) &&
    below(minute, 60) &&
    below(second, 60) &&
    below(offsetHour, 24) &&
    below(offsetMinute, 60)
  );
}
