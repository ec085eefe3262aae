import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EndReason } from '../../../core/access/event.ts';
import { type GrantStanding, standingOf } from '../../../core/access/grant.ts';

const instant = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
const endReason: fc.Arbitrary<EndReason> = fc.constantFrom('EXPIRED', 'RELEASED', 'REVOKED', 'INELIGIBLE');
const active: GrantStanding = { state: 'ACTIVE' };
const expiresAt = new Date('2026-01-02T03:04:05.678Z');

test('a grant is active until the last millisecond before its end, and has expired at its end', () => {
  const expired = { state: 'ENDED', endReason: 'EXPIRED', endedAt: expiresAt };
  expect(standingOf(active, expiresAt, new Date(expiresAt.getTime() - 1))).toEqual(active);
  expect(standingOf(active, expiresAt, expiresAt)).toEqual(expired);
  expect(standingOf(active, expiresAt, new Date(expiresAt.getTime() + 1))).toEqual(expired);
});

test('I6 a grant that has ended stays ended as it was, whatever the time', () => {
  fc.assert(
    fc.property(endReason, instant, instant, instant, (reason, endedAt, end, now) => {
      const ended: GrantStanding = { state: 'ENDED', endReason: reason, endedAt };
      expect(standingOf(ended, end, now)).toEqual(ended);
    }),
  );
});

test('I6 a grant that has expired never becomes active as time goes on', () => {
  fc.assert(
    fc.property(instant, instant, fc.nat(), (end, now, ms) => {
      const before = standingOf(active, end, now);
      const after = standingOf(active, end, new Date(now.getTime() + ms));
      if (before.state === 'ENDED') expect(after).toEqual(before);
    }),
  );
});

test('I1 at no time from its end on is a grant active', () => {
  fc.assert(
    fc.property(instant, fc.nat(), (end, ms) => {
      expect(standingOf(active, end, new Date(end.getTime() + ms)).state).toBe('ENDED');
    }),
  );
});
