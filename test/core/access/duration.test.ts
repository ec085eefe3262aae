import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationMillis, formatDuration, parseDuration } from '../../../core/access/duration.ts';

describe('duration', () => {
  test.each([
    ['1h30m', 5_400_000],
    ['24h', 86_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['500ms', 500],
    ['0s', 0],
    ['-1h', -3_600_000],
  ])('reads Cedar\'s "%s"', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '1', 'h', '1h1h', '1m1h', '1.5h', '1H', ' 1h', '1h ', '+1h', '--1h', '1ms1s', '1w', '٣h'])(
    'refuses "%s", as Cedar does',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test('knows the limits of int64 to the millisecond', () => {
    expect(durationMillis('9223372036854775807ms')).toBe(2n ** 63n - 1n);
    expect(durationMillis('9223372036854775808ms')).toBeUndefined();
    expect(durationMillis('-9223372036854775808ms')).toBe(-(2n ** 63n));
    expect(durationMillis('106751991167301d')).toBeUndefined();
  });

  test('refuses what a number cannot hold exactly', () => {
    expect(parseDuration('9007199254740991ms')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseDuration('9007199254740993ms')).toBeUndefined();
  });

  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms === 0 ? 0 : ms);
      }),
    );
  });
});
