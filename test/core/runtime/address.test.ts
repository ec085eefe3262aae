import { expect, test } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from '../../../core/runtime/address.ts';

test.each([
  ['127.0.0.1:2200', '127.0.0.1', 2200],
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['0.0.0.0:65535', '0.0.0.0', 65_535],
  ['[::1]:2200', '::1', 2200],
  ['localhost:2200', '127.0.0.1', 2200],
])('%s is an address', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port });
});

test.each([
  '',
  '2200',
  ':2200',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0.1:2200 ',
  '::1:2200',
  '[127.0.0.1]:1',
  'curfew.test:1',
  '256.0.0.1:1',
  '127.1:1',
])('%j is none', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('an address is written as it is read', () => {
  expect(formatAddress({ host: '::1', port: 1 })).toBe('[::1]:1');
  expect(formatAddress({ host: '127.0.0.1', port: 1 })).toBe('127.0.0.1:1');
});

test.each([
  ['127.0.0.1', true],
  ['127.255.0.1', true],
  ['::1', true],
  ['[::1]', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['::ffff:10.0.0.1', false],
  ['127.0.0.1.evil.test', false],
  ['localhost.evil.test', false],
  ['10.0.0.1', false],
  ['', false],
])('that %j is loopback is %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
