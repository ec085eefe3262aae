import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatabaseClock, machineClock } from '../../../core/feed/database-clock.ts';

/** The driver cuts the database's microseconds off. */
const TRUNCATED_MS = 1;

/** A machine in a world whose true time is the database's. */
class World {
  trueMs = Date.UTC(2026, 0, 2);
  #wallMs: number;
  #monotonicMs = 1_000;
  /** What has happened since the last poll was sent. */
  suspendedMs = 0;
  steppedMs = 0;
  polledMs = Number.NEGATIVE_INFINITY;
  readonly clock = new DatabaseClock({
    wallMs: () => Math.floor(this.#wallMs),
    monotonicMs: () => this.#monotonicMs,
  });

  constructor(wallErrorMs: number) {
    this.#wallMs = this.trueMs + wallErrorMs;
  }

  advance(ms: number): void {
    this.trueMs += ms;
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  suspend(ms: number): void {
    this.trueMs += ms;
    this.#wallMs += ms;
    this.suspendedMs += ms;
  }

  step(ms: number): void {
    this.#wallMs += ms;
    this.steppedMs += ms;
  }

  poll(thereMs: number, backMs: number): void {
    const sent = this.clock.look();
    this.suspendedMs = 0;
    this.steppedMs = 0;
    this.polledMs = this.trueMs;
    this.advance(thereMs);
    const databaseAt = new Date(this.trueMs);
    this.advance(backMs);
    this.clock.observe(databaseAt, sent, this.clock.look());
  }

  /** Time that neither clock of the machine has seen pass: suspended, and at once stepped back by hand. */
  get hiddenMs(): number {
    return Math.min(this.suspendedMs, Math.max(0, -this.steppedMs));
  }

  get wallMs(): number {
    return this.#wallMs;
  }
}

type Happening = (world: World) => void;

const span = fc.double({ min: 0, max: 120_000, noNaN: true });
const hour = 3_600_000;
const advance: fc.Arbitrary<Happening> = span.map((ms) => (world) => world.advance(ms));
const suspend: fc.Arbitrary<Happening> = fc
  .integer({ min: 0, max: 10 * hour })
  .map((ms) => (world) => world.suspend(ms));
const step: fc.Arbitrary<Happening> = fc
  .integer({ min: -hour, max: hour })
  .map((ms) => (world) => world.step(ms));
const stepBack: fc.Arbitrary<Happening> = fc
  .integer({ min: -hour, max: 0 })
  .map((ms) => (world) => world.step(ms));
const poll: fc.Arbitrary<Happening> = fc.tuple(fc.nat(1_500), fc.nat(1_500)).map(
  ([there, back]) =>
    (world) =>
      world.poll(there, back),
);
const wallError = fc.integer({ min: -hour, max: hour });

const always = (happenings: fc.Arbitrary<Happening>, holds: (world: World) => void): void => {
  fc.assert(
    fc.property(wallError, poll, fc.array(happenings, { maxLength: 30 }), (error, first, rest) => {
      const world = new World(error);
      for (const happen of [first, ...rest]) {
        happen(world);
        holds(world);
      }
    }),
    { numRuns: 500 },
  );
};

test('D11 late is never before the true time, whatever the clocks of the machine do', () => {
  always(fc.oneof(advance, suspend, step, poll), (world) => {
    const late = world.clock.late().getTime();
    expect(late).toBeGreaterThanOrEqual(world.trueMs - TRUNCATED_MS - world.hiddenMs);
  });
});

test('D11 a grant is never live at its end, however the wall clock was set', () => {
  always(fc.oneof(advance, step, poll), (world) => {
    const expiresAt = new Date(Math.floor(world.trueMs) - TRUNCATED_MS);
    expect(world.clock.late() < expiresAt).toBe(false);
  });
});

test('D11 early is never after the true time', () => {
  always(fc.oneof(advance, suspend, step, poll), (world) => {
    expect(world.clock.early()?.getTime()).toBeLessThanOrEqual(world.trueMs);
  });
});

test('I16 the age of the last good poll is never told too small', () => {
  always(fc.oneof(advance, suspend, step, poll), (world) => {
    const ageMs = world.trueMs - world.polledMs;
    expect(world.clock.ageMs()).toBeGreaterThanOrEqual(ageMs - world.hiddenMs - TRUNCATED_MS);
  });
});

test('D11 late does not go back when the wall clock is set back', () => {
  const lates = new WeakMap<World, number>();
  expect.hasAssertions();
  always(fc.oneof(advance, stepBack), (world) => {
    const late = world.clock.late().getTime();
    const before = lates.get(world) ?? late;
    lates.set(world, late);
    // A wall clock that was ahead of the database ended grants too early; set right, it no longer does.
    if (before <= world.trueMs) expect(late).toBeGreaterThanOrEqual(before);
  });
});

test('late and early are the true time when the clocks are right and the answer is instant', () => {
  const world = new World(0);
  world.poll(0, 0);
  world.advance(1_234);
  expect(world.clock.late()).toEqual(new Date(world.trueMs));
  expect(world.clock.early()).toEqual(new Date(world.trueMs));
  expect(world.clock.ageMs()).toBe(1_234);
});

test('a slow answer makes late later and early earlier, and the age counts from the sending', () => {
  const world = new World(-60_000);
  world.poll(300, 700);
  expect(world.clock.late()).toEqual(new Date(world.trueMs + 300));
  expect(world.clock.early()).toEqual(new Date(world.trueMs - 700));
  expect(world.clock.ageMs()).toBe(1_000);
});

test('time spent suspended counts, though the monotonic clock stood still', () => {
  const world = new World(0);
  world.poll(0, 0);
  world.suspend(600_000);
  expect(world.clock.late()).toEqual(new Date(world.trueMs));
  expect(world.clock.ageMs()).toBe(600_000);
});

test('before the first poll late is the wall clock, there is no early, and the age is endless', () => {
  const world = new World(5_000);
  expect(world.clock.late()).toEqual(new Date(world.wallMs));
  expect(world.clock.early()).toBeUndefined();
  expect(world.clock.ageMs()).toBe(Number.POSITIVE_INFINITY);
  expect(world.clock.driftMs()).toBe(0);
});

test.for([-hour, -1_500, 0, 6_000, hour])('a wall clock that is %i ms off is told as such', (error) => {
  const world = new World(error);
  world.poll(0, 0);
  expect(world.clock.driftMs()).toBe(error);
});

test('a slow answer is no drift', () => {
  const world = new World(0);
  world.poll(900, 900);
  expect(world.clock.driftMs()).toBe(0);
});

test('W21 what is shown goes by the database and the monotonic clock, whatever the wall clock says', () => {
  const world = new World(-hour);
  world.poll(0, 0);
  world.step(3 * hour);
  world.advance(1_000);
  expect(world.clock.now()).toEqual(new Date(world.trueMs));
});

test('what is shown is never ahead of the database, however slow its answer was', () => {
  const world = new World(0);
  world.poll(900, 900);
  world.advance(50);
  expect(world.trueMs - world.clock.now().getTime()).toBe(900);
});

test('the clocks of this machine run on', () => {
  const clock = new DatabaseClock(machineClock);
  const first = clock.look();
  const second = clock.look();
  expect(second.monotonicMs).toBeGreaterThanOrEqual(first.monotonicMs);
  expect(Math.abs(second.wallMs - Date.now())).toBeLessThan(60_000);
});
