import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EntityUid, sameUid } from '../../../core/access/entity.ts';
import { type Narrowing, narrowedTerms, windowOf } from '../../../core/access/narrowing.ts';

const actions: readonly EntityUid[] = ['read', 'write', 'drop'].map((id) => ({ type: 'Action', id }));
const ms = fc.integer({ min: 1, max: 1_000_000 });
const instant = ms.map((at) => new Date(at));
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });

const asked = fc.record({
  durationMs: ms,
  startsAt: maybe(instant),
  actions: fc.subarray([...actions], { minLength: 1 }),
});
const narrowing: fc.Arbitrary<Narrowing> = fc.record({
  actions: maybe(fc.subarray([...actions], { minLength: 1 })),
  durationMs: maybe(ms),
  startsAt: maybe(instant),
});

test('what an item comes to is within what was asked for and within every narrowing', () => {
  fc.assert(
    fc.property(asked, fc.array(narrowing, { maxLength: 4 }), (request, narrowings) => {
      const terms = narrowedTerms(request, request, narrowings);
      for (const limit of [request, ...narrowings]) {
        if (limit.actions !== undefined)
          for (const action of terms.actions)
            expect(limit.actions.some((it) => sameUid(it, action))).toBe(true);
        expect(terms.durationMs).toBeLessThanOrEqual(limit.durationMs ?? Number.POSITIVE_INFINITY);
        expect(terms.startsAt?.getTime() ?? 0).toBeGreaterThanOrEqual(limit.startsAt?.getTime() ?? 0);
      }
    }),
  );
});

test('an action that everybody leaves is left', () => {
  fc.assert(
    fc.property(asked, fc.array(narrowing, { maxLength: 4 }), (request, narrowings) => {
      const { actions: left } = narrowedTerms(request, request, narrowings);
      for (const action of request.actions) {
        const isLeft = narrowings.every((it) => it.actions?.some((one) => sameUid(one, action)) ?? true);
        expect(left.includes(action)).toBe(isLeft);
      }
    }),
  );
});

test('the order of the votes changes nothing', () => {
  fc.assert(
    fc.property(asked, fc.array(narrowing, { maxLength: 4 }), (request, narrowings) => {
      expect(narrowedTerms(request, request, narrowings.toReversed())).toEqual(
        narrowedTerms(request, request, narrowings),
      );
    }),
  );
});

test('a window that was asked for is never left, however late it is approved or begins', () => {
  fc.assert(
    fc.property(asked, fc.array(narrowing, { maxLength: 3 }), instant, (request, narrowings, now) => {
      const window = windowOf(request, narrowedTerms(request, request, narrowings), now);
      expect(window.startsAt.getTime()).toBeGreaterThanOrEqual(now.getTime());
      if (request.startsAt === undefined) return;
      expect(window.startsAt.getTime()).toBeGreaterThanOrEqual(request.startsAt.getTime());
      const endMs = request.startsAt.getTime() + request.durationMs;
      expect(window.expiresAt.getTime()).toBeLessThanOrEqual(endMs);
    }),
  );
});

test('without a start asked for, the time counts from the approval', () => {
  const request = { durationMs: 1_000, startsAt: undefined };
  const window = windowOf(request, narrowedTerms(request, { actions }, []), new Date(5_000));
  expect(window).toEqual({ startsAt: new Date(5_000), expiresAt: new Date(6_000) });
});
