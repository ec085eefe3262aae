import { expect, test } from 'vitest';
import { readSignIn } from '../../../core/rpc/sign-in-claims.ts';

const now = new Date('2026-01-01T12:00:00Z');
const nowSeconds = now.getTime() / 1_000;

test.each([
  [
    { auth_time: nowSeconds - 60, amr: ['pwd', 'otp'] },
    { at: new Date('2026-01-01T11:59:00Z'), methods: ['pwd', 'otp'] },
  ],
  [{ auth_time: nowSeconds - 0.5 }, { at: new Date('2026-01-01T11:59:59.500Z'), methods: [] }],
  [{ amr: ['pwd', 'pwd'] }, { at: undefined, methods: ['pwd'] }],
  [{ auth_time: nowSeconds + 60 }, { at: new Date('2026-01-01T12:01:00Z'), methods: [] }],
])('W14 %j is a sign-in', (claims, expected) => {
  expect(readSignIn(claims, now)).toEqual(expected);
});

test.each([
  {},
  { amr: [] },
  { auth_time: nowSeconds + 61 },
  { auth_time: now.getTime() },
  { auth_time: -1 },
  { auth_time: null },
  { auth_time: String(nowSeconds) },
  { amr: 'pwd' },
  { amr: ['pwd', 1] },
  { amr: ['pwd\u0000'] },
  { amr: ['\ud800'] },
  { amr: ['x'.repeat(201)] },
  { amr: Array.from({ length: 21 }, (_, index) => `method-${index}`) },
])('W14 %j says nothing of a sign-in', (claims) => {
  expect(readSignIn(claims, now)).toBeUndefined();
});
