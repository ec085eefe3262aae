import { expect, test } from 'vitest';
import { checkNodeVersion } from '../../../../clients/cli/doctor/node-version.ts';

test.each([
  ['20.20.2', 'failure'],
  ['22.17.9', 'failure'],
  ['22.18.0', 'warning'],
  ['22.23.1', 'warning'],
  ['22.23.2', 'ok'],
  ['23.11.0', 'warning'],
  ['24.20.9', 'warning'],
  ['24.21.0', 'ok'],
  ['26.0.0', 'ok'],
])('Node.js %s is a %s', (version, state) => {
  const check = checkNodeVersion(version);
  expect(check.state).toBe(state);
  expect(check.next === undefined).toBe(state === 'ok');
});
