import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContext } from '../../../clients/cli/context-values.ts';
import { formatDuration, parseDuration } from '../../../clients/cli/duration.ts';
import { parseExactJson, readInt64 } from '../../../clients/cli/exact-json.ts';
import { findId } from '../../../clients/cli/find-by-prefix.ts';
import { distance, localTime } from '../../../clients/cli/instants.ts';
import { entity, extension } from '../../../clients/sdk/index.ts';

const int64Bounds = [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 53n + 1n, 0n].map(
  (it): [bigint] => [it],
);

describe('D4 integers on the command line', () => {
  test('D4 are exact up to the bounds of int64 and refused beyond them, in every place', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const places = [
          () => readInt64(String(integer), '--n'),
          () => readContext([`n=${integer}`], undefined)['n'],
          () => readContext([], `{"n": ${integer}}`)['n'],
          () => parseExactJson(String(integer), '--json'),
        ];
        for (const read of places) {
          if (BigInt.asIntN(64, integer) === integer) expect(read()).toBe(integer);
          else expect(read).toThrow(`seen ${integer}, wanted an integer from -9223372036854775808`);
        }
      }),
      { examples: int64Bounds },
    );
  });

  test.each(['1.5', '1e3', '-0.0', '9007199254740993.0'])('D4 %s is no integer', (given) => {
    expect(() => readContext([`n=${given}`], undefined)).toThrow(
      `--context n: seen ${given}, wanted decimal("${given}")`,
    );
    expect(() => readContext([], `{"n": ${given}}`)).toThrow(
      `--context-json: seen ${given}, wanted an integer`,
    );
  });

  test.each(['007', '+5', '-007'])('D4 %s is refused rather than guessed', (given) => {
    expect(() => readContext([`n=${given}`], undefined)).toThrow(
      `--context n: seen ${given}, wanted an integer without leading zeros or +`,
    );
  });
});

describe('--context', () => {
  test.each([
    ['mfa=true', { mfa: true }],
    ['mfa=false', { mfa: false }],
    ['n=-5', { n: -5n }],
    ['s=text with = and spaces', { s: 'text with = and spaces' }],
    ['s=', { s: '' }],
    ['s="true"', { s: 'true' }],
    ['s="5"', { s: '5' }],
    ['version=1.5.2', { version: '1.5.2' }],
    ['who=User::"ada"', { who: entity('User', 'ada') }],
    ['who=User::ada', { who: 'User::ada' }],
    ['from=ip("10.0.0.0/8")', { from: extension('ip', '10.0.0.0/8') }],
    ['d=decimal("1.5")', { d: extension('decimal', '1.5') }],
    ['TRUE=True', { TRUE: 'True' }],
  ])('%s', (pair, context) => {
    expect(readContext([pair], undefined)).toEqual(context);
  });

  test.each([
    [['mfa'], undefined, '--context: seen "mfa", wanted key=value'],
    [['=true'], undefined, '--context: seen "=true", wanted key=value'],
    [['a=1', 'a=2'], undefined, '--context: "a" is given twice'],
    [['a=1'], '{"a": 2}', '--context: "a" is given twice'],
    [['s="open'], undefined, '--context s: this is no JSON'],
    [[], '[1]', '--context-json: wanted a JSON object'],
    [[], '{"a": null}', '--context-json a: seen null'],
    [[], '{"a": {"__entity": {"type": "User"}}}', '--context-json a.__entity: wanted the texts type and id'],
    [
      [],
      '{"a": {"__entity": {"type": "User", "id": "x", "y": "z"}}}',
      '--context-json a.__entity: wanted the texts',
    ],
  ])('%j and %j are refused', (pairs, json, message) => {
    expect(() => readContext(pairs, json)).toThrow(message);
  });

  test("--context-json reads Cedar's form", () => {
    const json =
      '{"a": [1, {"b": {"__entity": {"type": "User", "id": "ada"}}}], "c": {"__extn": {"fn": "ip", "arg": "::1"}}}';
    expect(readContext([], json)).toEqual({
      a: [1n, { b: entity('User', 'ada') }],
      c: extension('ip', '::1'),
    });
  });
});

describe('durations', () => {
  test('are read back as they are written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms), '--duration')).toBe(ms);
      }),
    );
  });

  test.each(['', '5', '5 minutes', '1h 30m', '30m1h', '-5m', '1.5h', '5M', 'PT5M', '1h1h', '٣m'])(
    '%j is refused',
    (given) => {
      expect(() => parseDuration(given, '--duration')).toThrow(
        `--duration: seen ${JSON.stringify(given)}, wanted a duration such as 20s, 15m or 1h30m`,
      );
    },
  );

  test.each(['0s', '0h0m'])('%s is refused', (given) => {
    expect(() => parseDuration(given, '--duration')).toThrow('wanted a duration more than zero');
  });
});

describe('times', () => {
  const now = new Date(2026, 10, 23, 14, 3, 1);
  const after = (ms: number) => new Date(now.getTime() + ms);

  test.each([
    [19_900, 'in 19 s'],
    [60_000, 'in 1 min'],
    [95_000, 'in 1 min 35 s'],
    [3_540_000, 'in 59 min'],
    [12_000_000, 'in 3 h 20 min'],
    [6 * 86_400_000, 'in 6 days'],
    [0, 'now'],
    [-5_000, '5 s ago'],
  ])('%d ms from now is %s', (ms, words) => {
    expect(distance(after(ms), now)).toBe(words);
  });

  test('have a date unless they are of today', () => {
    expect(localTime(after(19_000), now)).toBe('14:03:20');
    expect(localTime(after(86_400_000), now)).toBe('2026-11-24 14:03:01');
  });
});

describe('ids', () => {
  const known = ['0b1f2a53-7c57-4a5e-9c0e-2f4f35f5d0a1', '0b1f9999-7c57-4a5e-9c0e-2f4f35f5d0a1'];
  const find = (given: string, isWhole = true) =>
    findId(given, 'request', () => Promise.resolve({ ids: known, isWhole }));

  test('a whole one is taken as it is', async () => {
    expect(await find('FFFFFFFF-7c57-4a5e-9c0e-2f4f35f5d0a1')).toBe('ffffffff-7c57-4a5e-9c0e-2f4f35f5d0a1');
  });

  test('the beginning of only one stands for it', async () => {
    expect(await find('0b1f2')).toBe(known[0]);
  });

  test.each([
    ['0b1', 'wanted a UUID or its first characters, at least 4'],
    ['orders', 'wanted a UUID or its first characters'],
    ['0b1f', `which begins ${known[0]} and ${known[1]}`],
    ['abcd', 'wanted the id of a request, whole'],
  ])('%s is refused', async (given, message) => {
    await expect(find(given)).rejects.toThrow(message);
  });

  test('a beginning is not looked up in a part of a list', async () => {
    await expect(find('0b1f2', false)).rejects.toThrow('wanted the id of a request, whole');
  });
});
