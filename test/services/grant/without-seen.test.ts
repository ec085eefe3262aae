import { expect, test } from 'vitest';
import { withoutSeen } from '../../../services/grant/without-seen.ts';

test.each([
  ['seen "a", wanted User', 'wanted User'],
  ['seen "a\nb, wanted more", wanted User', 'wanted User'],
  ['[0].attrs.email: seen 7, wanted a string', '[0].attrs.email: wanted a string'],
  ['not JSON at "secret"', 'not JSON'],
  ['seen Group::"x", which the directory lacks', 'seen Group::"x", which the directory lacks'],
])('%j becomes %j', (complaint, told) => {
  expect(withoutSeen(complaint)).toBe(told);
});
