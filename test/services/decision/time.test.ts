import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import { DatabaseClock } from '../../../core/feed/database-clock.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import { answerAt } from '../../../services/decision/authorize.ts';
import { STALENESS_BOUND_MS } from '../../../services/decision/limits.ts';
import { type Moment, momentOf } from '../../../services/decision/moment.ts';
import { readinessOf } from '../../../services/decision/readiness.ts';
import {
  applied,
  type Asked,
  FakeMachine,
  type LocalDecision,
  localDecision,
  questionOf,
} from './local-decision.ts';
import { action, attributes, entity, person } from './people.ts';
import { policyFiles } from './policy-files.ts';

const staleStandingMs = 60_000;
const hourMs = 3_600_000;
const otto = { principal: person('otto') };
const kim = { principal: person('kim') };
const look = { principal: person('otto'), action: action('look'), context: attributes({}) };

let files: PolicyFiles;
let local: LocalDecision;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files, { staleStandingMs });
  const now = local.machine.wall;
  await local.start({ ...subject, startsAt: new Date(now), expiresAt: new Date(now + hourMs) });
});

const subject = { subject: otto.principal };

/** What comes of it: the effect, with `stale` where it is marked so, or why there is no answer. */
function outcome(asked: Asked): string {
  try {
    const answer = local.ask(asked);
    return answer.stale ? `${answer.effect} stale` : answer.effect;
  } catch (error) {
    if (error instanceof AccessError) return error.reason;
    throw error;
  }
}

describe('I16 the age of the last good poll', () => {
  const all = (): readonly string[] => [outcome(otto), outcome(kim), outcome(look)];

  it('I16 bounds grants at S, to the millisecond, and standing permits go on marked stale', () => {
    local.machine.advance(STALENESS_BOUND_MS - 1);
    expect(all()).toEqual(['ALLOW', 'ALLOW', 'DENY']);
    local.machine.advance(1);
    expect(all()).toEqual(['STALE', 'ALLOW stale', 'DENY stale']);
  });

  it('I16 ends standing permits as well when it has lasted as long as is configured', () => {
    local.machine.advance(STALENESS_BOUND_MS + staleStandingMs - 1);
    expect(all()).toEqual(['STALE', 'ALLOW stale', 'DENY stale']);
    local.machine.advance(1);
    expect(all()).toEqual(['STALE', 'STALE', 'STALE']);
  });

  it('I16 permits nothing from S on when standing permits are not to go on', async () => {
    local = await localDecision(files, { staleStandingMs: 0 });
    local.machine.advance(STALENESS_BOUND_MS - 1);
    expect(outcome(kim)).toBe('ALLOW');
    local.machine.advance(1);
    expect(outcome(kim)).toBe('STALE');
  });

  it('I16 counts by the clock that went further: the wall, or the monotonic one', () => {
    local.machine.wall += STALENESS_BOUND_MS;
    expect(outcome(otto)).toBe('STALE');
    local.poll();
    expect(outcome(otto)).toBe('ALLOW');
    local.machine.monotonic += STALENESS_BOUND_MS;
    local.machine.wall -= 10 * hourMs;
    expect(outcome(otto)).toBe('STALE');
  });

  it('I16 counts from the sending of the poll, not from its answer', () => {
    const sent = local.clock.look();
    local.machine.advance(1_500);
    local.clock.observe(new Date(local.machine.wall), sent, local.clock.look());
    local.machine.advance(499);
    expect(outcome(otto)).toBe('ALLOW');
    local.machine.advance(1);
    expect(outcome(otto)).toBe('STALE');
  });

  it('I16 is endless before the first poll: nothing is permitted', () => {
    const moment = momentOf(new DatabaseClock(local.machine), staleStandingMs);
    expect(() => answerAt(local.context, moment, kim.principal, questionOf(kim))).toThrow(
      /nothing is permitted/,
    );
  });

  it('I16 does not matter to who is denied: what only a grant could permit has no answer, whoever asks', () => {
    local.machine.advance(STALENESS_BOUND_MS);
    expect(outcome({ principal: person('nobody') })).toBe('STALE');
  });

  it('I16 makes this process not ready for grants, then for anything', () => {
    // The follower of this test never starts, which alone would be not ready.
    expect(readinessOf(local.context)).toBe('nothing');
    const freshness = (): string => momentOf(local.clock, staleStandingMs).freshness;
    expect(freshness()).toBe('fresh');
    local.machine.advance(STALENESS_BOUND_MS);
    expect(freshness()).toBe('stale');
    local.machine.advance(staleStandingMs);
    expect(freshness()).toBe('silent');
  });
});

describe('I1 no ALLOW by a grant at or after its end', () => {
  it('I1 the last millisecond of a grant permits, its end does not', () => {
    local.machine.advance(hourMs - 1);
    local.poll();
    expect(outcome(otto)).toBe('ALLOW');
    local.machine.advance(1);
    expect(outcome(otto)).toBe('DENY');
  });

  it('I1 the database ends a grant although the wall of this machine is an hour behind', () => {
    local.poll(local.machine.wall + hourMs - 1);
    expect(outcome(otto)).toBe('ALLOW');
    local.machine.advance(1);
    expect(outcome(otto)).toBe('DENY');
  });

  it('I1 the wall of this machine ends a grant although the database is an hour behind', () => {
    const databaseMs = local.machine.wall;
    local.machine.advance(hourMs);
    local.poll(databaseMs);
    expect(outcome(otto)).toBe('DENY');
  });

  it('I1 a wall that is turned back does not bring a grant to life again', () => {
    local.machine.advance(hourMs);
    local.poll();
    expect(outcome(otto)).toBe('DENY');
    local.machine.wall -= 2 * hourMs;
    local.poll(local.machine.wall + 2 * hourMs);
    expect(outcome(otto)).toBe('DENY');
  });

  it('I1 holds at any instant, however the clocks stand, step and stop', async () => {
    const base = local.machine.wall;
    const ends = [1, 50, 999, 1_000, 2_500, 60_000].map((ms) => new Date(base + ms));
    // One holder for each, because of several grants the longest decides.
    const holders = ends.map((_, index) => person(`holder ${index}`));
    await local.apply(
      applied(
        holders.map((uid) => entity(uid)),
        new Date(base),
      ),
    );
    for (const [index, expiresAt] of ends.entries()) {
      await local.start({ subject: holders[index] ?? otto.principal, startsAt: new Date(base), expiresAt });
    }
    const steps = fc.array(
      fc.record({
        wallMs: fc.integer({ min: -5_000, max: 5_000 }),
        monotonicMs: fc.double({ min: 0, max: 3_000, noNaN: true }),
        poll: fc.option(
          fc.record({
            travelMs: fc.integer({ min: 0, max: 900 }),
            driftMs: fc.integer({ min: -3_000, max: 3_000 }),
          }),
          { nil: undefined },
        ),
      }),
      { minLength: 1, maxLength: 12 },
    );
    const which = fc.integer({ min: 0, max: ends.length - 1 });
    let permits = 0;
    fc.assert(
      fc.property(which, fc.integer({ min: -4_000, max: 1_000 }), steps, (index, startMs, script) => {
        const end = ends[index] ?? new Date(base);
        const machine = new FakeMachine();
        const clock = new DatabaseClock(machine);
        machine.wall = end.getTime() + startMs;
        let databaseMs = machine.wall;
        let polledAt = { wall: Number.NEGATIVE_INFINITY, monotonic: Number.NEGATIVE_INFINITY };
        for (const { wallMs, monotonicMs, poll } of script) {
          machine.wall += wallMs;
          machine.monotonic += monotonicMs;
          databaseMs += monotonicMs;
          if (poll !== undefined) {
            const sent = clock.look();
            polledAt = { wall: machine.wall, monotonic: machine.monotonic };
            machine.advance(poll.travelMs);
            databaseMs += poll.travelMs;
            clock.observe(new Date(databaseMs + poll.driftMs), sent, clock.look());
          }
          const moment = momentOf(clock, 0);
          const answer = permitted(holders[index] ?? otto.principal, moment);
          if (answer === undefined) continue;
          permits += 1;
          expect(answer.decidedAt.getTime()).toBeLessThan(end.getTime());
          expect(answer.settled.validUntil).toEqual(end);
          expect(machine.wall).toBeLessThan(end.getTime());
          const ageMs = Math.max(machine.wall - polledAt.wall, machine.monotonic - polledAt.monotonic);
          expect(ageMs).toBeLessThan(STALENESS_BOUND_MS);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(permits).toBeGreaterThan(100);
  });

  function permitted(principal: EntityUid, moment: Moment): Answer | undefined {
    try {
      const answer = answerAt(local.context, moment, principal, questionOf({ principal }));
      return answer.settled.effect === 'ALLOW' ? answer : undefined;
    } catch (error) {
      if (error instanceof AccessError && error.reason === 'STALE') return undefined;
      throw error;
    }
  }
});
