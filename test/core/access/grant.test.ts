import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EndReason } from '../../../core/access/event.ts';
import {
  type Grant,
  type GrantStanding,
  IDLE_GRACE_MS,
  type LiveState,
  PLAIN_TERMS,
  standingOf,
} from '../../../core/access/grant.ts';

type Clocked = Pick<Grant, 'startsAt' | 'expiresAt' | 'lastUsedAt' | 'terms'>;

const instant = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
const endReason: fc.Arbitrary<EndReason> = fc.constantFrom(
  'EXPIRED',
  'RELEASED',
  'REVOKED',
  'UNCLAIMED',
  'EXHAUSTED',
  'IDLE',
  'INELIGIBLE',
);
const liveState = fc.constantFrom<LiveState>('SCHEDULED', 'CLAIMABLE', 'ACTIVE');
const anyGrant: fc.Arbitrary<Clocked> = fc
  .record({
    startsAt: instant,
    lastMs: fc.integer({ min: 1, max: 90_000_000 }),
    usedMs: fc.option(fc.nat(90_000_000)),
    idleMs: fc.option(fc.integer({ min: 1, max: 90_000_000 })),
  })
  .map(({ startsAt, lastMs, usedMs, idleMs }) => ({
    startsAt,
    expiresAt: new Date(startsAt.getTime() + lastMs),
    lastUsedAt: usedMs === null ? undefined : new Date(startsAt.getTime() + usedMs),
    terms: { ...PLAIN_TERMS, ...(idleMs === null ? {} : { idleMs }) },
  }));

const active: GrantStanding = { state: 'ACTIVE' };
const startsAt = new Date('2026-01-02T03:00:00.000Z');
const expiresAt = new Date('2026-01-02T04:00:00.000Z');
const grant: Clocked = { startsAt, expiresAt, lastUsedAt: undefined, terms: PLAIN_TERMS };
const after = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

test('a grant is active until the last millisecond before its end, and has expired at its end', () => {
  const expired = { state: 'ENDED', endReason: 'EXPIRED', endedAt: expiresAt };
  expect(standingOf(active, grant, after(expiresAt, -1))).toEqual(active);
  expect(standingOf(active, grant, expiresAt)).toEqual(expired);
  expect(standingOf(active, grant, after(expiresAt, 1))).toEqual(expired);
});

test('a scheduled grant is active from the very millisecond of its start', () => {
  const scheduled: GrantStanding = { state: 'SCHEDULED' };
  expect(standingOf(scheduled, grant, after(startsAt, -1))).toEqual(scheduled);
  expect(standingOf(scheduled, grant, startsAt)).toEqual(active);
  expect(standingOf(scheduled, grant, expiresAt).state).toBe('ENDED');
});

test('a grant that nobody claims in time ends unclaimed', () => {
  const claimable: GrantStanding = { state: 'CLAIMABLE' };
  expect(standingOf(claimable, grant, after(expiresAt, -1))).toEqual(claimable);
  const unclaimed = { state: 'ENDED', endReason: 'UNCLAIMED', endedAt: expiresAt };
  expect(standingOf(claimable, grant, expiresAt)).toEqual(unclaimed);
});

test('a grant that lies unused for too long ends when its uses must have been reported', () => {
  const idleMs = 60_000;
  const lastUsedAt = after(startsAt, 600_000);
  const idle: Clocked = { ...grant, lastUsedAt, terms: { ...PLAIN_TERMS, idleMs } };
  const endedAt = after(lastUsedAt, idleMs + IDLE_GRACE_MS);
  expect(standingOf(active, idle, after(endedAt, -1))).toEqual(active);
  expect(standingOf(active, idle, endedAt)).toEqual({ state: 'ENDED', endReason: 'IDLE', endedAt });
});

test('a grant that was never used has lain unused since its start', () => {
  const idle: Clocked = { ...grant, terms: { ...PLAIN_TERMS, idleMs: 60_000 } };
  expect(standingOf(active, idle, after(startsAt, 60_000 + IDLE_GRACE_MS)).state).toBe('ENDED');
});

test('I6 a grant that has ended stays ended as it was, whatever the time', () => {
  fc.assert(
    fc.property(endReason, instant, anyGrant, instant, (reason, endedAt, of, now) => {
      const ended: GrantStanding = { state: 'ENDED', endReason: reason, endedAt };
      expect(standingOf(ended, of, now)).toEqual(ended);
    }),
  );
});

test('I6 a grant that is over never goes on as time does', () => {
  fc.assert(
    fc.property(liveState, anyGrant, instant, fc.nat(), (state, of, now, ms) => {
      const before = standingOf({ state }, of, now);
      if (before.state === 'ENDED') expect(standingOf({ state }, of, after(now, ms))).toEqual(before);
    }),
  );
});

test('I1 at no time from its end on is a grant active', () => {
  fc.assert(
    fc.property(liveState, anyGrant, fc.nat(), (state, of, ms) => {
      expect(standingOf({ state }, of, after(of.expiresAt, ms)).state).toBe('ENDED');
    }),
  );
});

test('no grant ends by itself after its window, or before it began', () => {
  fc.assert(
    fc.property(liveState, anyGrant, instant, (state, of, now) => {
      const standing = standingOf({ state }, of, now);
      if (standing.state !== 'ENDED') return;
      expect(standing.endedAt.getTime()).toBeGreaterThan(of.startsAt.getTime());
      expect(standing.endedAt.getTime()).toBeLessThanOrEqual(of.expiresAt.getTime());
    }),
  );
});
