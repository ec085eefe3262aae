import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newCedarInstance } from '../../../core/policy/cedar-instance.ts';
import { isExtensionArgument } from '../../../core/policy/extension-syntax.ts';
import type { ExtensionName } from '../../../core/policy/schema-shape.ts';

const cedar = newCedarInstance();

/** Whether Cedar itself takes the argument, of a literal in a policy as of a context. */
function cedarTakes(name: ExtensionName, argument: string): boolean {
  const answer = cedar.checkParseContext({ context: { a: { __extn: { fn: name, arg: argument } } } });
  return answer.type === 'success';
}

const digits = fc.stringMatching(/^[0-9]{0,3}$/);
const two = fc.stringMatching(/^[0-9]{1,2}$/);
const part = fc.oneof(two, fc.constantFrom('00', '01', '12', '23', '24', '28', '29', '30', '31', '59', '60'));

const ARGUMENTS: Readonly<Record<ExtensionName, fc.Arbitrary<string>>> = {
  ip: fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4Extended(),
    fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), digits).map(([address, prefix]) => `${address}/${prefix}`),
    fc.array(digits, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
    fc.constantFrom(
      '::',
      '::/0',
      '::/129',
      '0.0.0.0/33',
      '1.2.3.4/08',
      '::ffff:1.2.3.4',
      'fe80::1%eth0',
      '1.2.3.4/',
      '/8',
      '',
    ),
  ),
  decimal: fc.oneof(
    fc.tuple(fc.constantFrom('', '-', '+'), fc.nat(), fc.nat()).map(([sign, a, b]) => `${sign}${a}.${b}`),
    fc.constantFrom(
      '922337203685477.5807',
      '922337203685477.5808',
      '-922337203685477.5808',
      '-922337203685477.5809',
      '1',
      '.1',
      '1.',
      '1.00000',
      '01.5',
      '',
    ),
  ),
  datetime: fc.oneof(
    fc
      .tuple(fc.constantFrom('2024', '2023', '0000', '0099', '1900', '9999'), part, part)
      .map((parts) => parts.join('-')),
    fc
      .tuple(
        part,
        part,
        part,
        fc.constantFrom('Z', '.000Z', '.1Z', '+0100', '-2360', '+2400', '', '+01:00', 'z', '.123+0559'),
      )
      .map(
        ([h, m, s, end]) =>
          `2024-02-29T${h.padStart(2, '0')}:${m.padStart(2, '0')}:${s.padStart(2, '0')}${end}`,
      ),
    fc.constantFrom('2023-02-29', '2024-2-9', '2024-02-30', '2024-01-01T', '2024-01-01 00:00:00Z', ''),
  ),
  duration: fc.oneof(
    fc
      .array(fc.tuple(digits, fc.constantFrom('d', 'h', 'm', 's', 'ms')), { maxLength: 3 })
      .map((parts) => parts.flat().join('')),
    fc.constantFrom(
      '9223372036854775807ms',
      '9223372036854775808ms',
      '-9223372036854775808ms',
      '-1h',
      '+1h',
      '1H',
      '',
    ),
  ),
};

describe('extension arguments', () => {
  test.each(['ip', 'decimal', 'datetime', 'duration'] as const)(
    '%s: Cedar takes whatever we take',
    (name) => {
      fc.assert(
        fc.property(ARGUMENTS[name], (argument) => {
          expect(!isExtensionArgument(name, argument) || cedarTakes(name, argument)).toBe(true);
        }),
        { numRuns: 1_000 },
      );
    },
  );

  test.each([
    ['ip', ['192.0.2.1', '192.0.2.0/24', '2001:db8::1', '::/0', '10.0.0.0/8']],
    ['decimal', ['1.5', '-0.0001', '922337203685477.5807', '-922337203685477.5808']],
    [
      'datetime',
      ['2024-02-29', '2026-01-31T09:00:00Z', '2026-01-31T09:00:00.123Z', '2026-01-31T09:00:00+0130'],
    ],
    ['duration', ['1h30m', '-1d', '0ms']],
  ] as const)('%s: the usual forms are taken, as Cedar takes them', (name, all) => {
    for (const argument of all) {
      expect(cedarTakes(name, argument)).toBe(true);
      expect(isExtensionArgument(name, argument)).toBe(true);
    }
  });

  test.each([
    ['ip', ['localhost', '1.2.3', '1.2.3.4/33', '::1/129', 'fe80::1%eth0', '::ffff:1.2.3.4', '1.2.3.4/08']],
    ['decimal', ['1', '1.', '1.23456', '1e3', '922337203685477.5808', 'NaN']],
    ['datetime', ['2023-02-29', '2026-13-01', '2026-01-31T24:00:00Z', '2026-01-31T09:00:00', 'now']],
    ['duration', ['', '1', '1m1h', '1.5h']],
  ] as const)('%s: mistakes are refused', (name, all) => {
    expect(all.filter((argument) => isExtensionArgument(name, argument))).toEqual([]);
  });
});
