import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Share } from './command.ts';
import { goHome, lives } from './commands.ts';
import { build } from './directory-calls.ts';
import { violations } from './invariants.ts';
import { checkLedger, checkLess } from './last-checks.ts';
import { Model } from './model.ts';
import { KINDS, OWNERS } from './terms.ts';
import { World } from './world.ts';

/** What `npm run chaos -- model` sets. */
const RUNS = Number(process.env['CURFEW_TEST_MODEL_RUNS'] ?? 200);
/** The tests live the same lives each time, so that what they say is about the change; `npm run chaos -- model` lives others. */
const SEED =
  process.env['CURFEW_TEST_MODEL_SEED'] ??
  (process.env['CURFEW_TEST_MODEL_RUNS'] === undefined ? '7' : undefined);
/** Fewer than with more runs, so that the tests as a whole stay quick. */
const MOST_COMMANDS = RUNS > 200 ? 60 : 30;

/** What some lives of two hundred are sure to do with success. */
const COMMON = [
  'ask',
  'approve',
  'deny',
  'withdraw',
  'use',
  'release',
  'revoke',
  'lock',
  'unlock',
  'revoke-many',
  'offboard',
];

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world[Symbol.asyncDispose]());

test('I1 I3 I4 I5 I6 I7 I8 I9 I10 I11 I14 I18 I19 I22 whatever people do, requests, grants and decisions are what the model says', {
  timeout: 3_600_000,
}, async () => {
  let runs = 0;
  let reasons = 0;
  let verified = 1n;
  const tally: Share['tally'] = new Map();
  await fc.assert(
    fc.asyncProperty(lives(MOST_COMMANDS), async (commands) => {
      runs += 1;
      const databases = new Map(KINDS.map((kind) => [kind, `${kind} ${runs}`]));
      await build(
        world.context,
        Array.from(databases, ([environment, id]) => ({ id, environment, owners: OWNERS })),
      );
      const nextReason = (): string => {
        reasons += 1;
        return `for reason ${reasons}`;
      };
      const share = { world, databases, tally, nextReason, over: new Set<string>() };
      const model = new Model(databases, MOST_COMMANDS);
      try {
        await fc.asyncModelRun(() => ({ model, real: share }), commands);
        const { tables, memories } = await world.memories();
        for (const memory of memories) expect(memory).toEqual(tables);
        if (runs % 4 === 0) checkLess(world, model);
        if (runs % 10 === 0) verified = await checkLedger(world, verified);
      } finally {
        await goHome(model, share);
      }
    }),
    { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
  );
  const told = Array.from(tally, ([kind, { taken, refused }]) => `${kind} ${taken}/${refused}`);
  console.log(`${runs} runs; taken/refused: ${told.join(', ')}`);
  const ends = await world.query<{ end_reason: string; count: number }>(
    'SELECT end_reason, count(*)::int FROM grants GROUP BY 1 ORDER BY 1',
  );
  console.log(`ends: ${ends.map(({ end_reason, count }) => `${end_reason} ${count}`).join(', ')}`);
  expect(await violations(world)).toEqual([]);
  for (const kind of COMMON) expect(tally.get(kind)?.taken, kind).toBeGreaterThan(0);
});
