import { expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Evaluation } from '../../../core/policy/engine.ts';
import type { Phase } from '../../../core/policy/policy-set.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import { batchAuthorize, type Result } from '../../../services/decision/batch-authorize.ts';
import { BATCH_SLICE_MS, STALENESS_BOUND_MS } from '../../../services/decision/limits.ts';
import { noMemo } from '../../../services/decision/memo.ts';
import {
  applied,
  askingAs,
  type Asked,
  type LocalDecision,
  localDecision,
  questionOf,
} from './local-decision.ts';
import { entity, long, person } from './people.ts';
import { policyFiles } from './policy-files.ts';

const kim = { principal: person('kim') };
const otto = { principal: person('otto') };

/** Answers follow a poll, and what happens at each evaluation is up to the test. */
async function scene(onEvaluation: (local: LocalDecision, count: number) => void) {
  let count = 0;
  let made: LocalDecision | undefined;
  const watch = (evaluation: Evaluation, phase: Phase): Evaluation => {
    if (phase !== 'access') return evaluation;
    count += 1;
    if (made !== undefined) onEvaluation(made, count);
    return evaluation;
  };
  const local = await localDecision(await policyFiles(), { watch, memo: noMemo });
  // A snapshot at the revision that the hand-fed replica has reached: the batch waits for no other.
  Object.defineProperty(local.context.followed.follower, 'revision', { get: () => local.replica.revision });
  made = local;
  return { local, evaluations: () => count };
}

async function batch(local: LocalDecision, asked: readonly Asked[]) {
  const questions = asked.map((one) => ({ read: () => questionOf(one) }));
  return await batchAuthorize(local.context, askingAs(asked[0]?.principal ?? person('nobody')), questions);
}

function answers(results: readonly Result[]): readonly Answer[] {
  return results.map((result) => (result.kind === 'answer' ? result.answer : expect.unreachable()));
}

function briefly(result: Result): string {
  if (result.kind === 'answer')
    return `${result.answer.settled.effect}${result.answer.stale ? ' stale' : ''}`;
  return result.error instanceof AccessError ? result.error.reason : String(result.error);
}

it('a long batch lets others have their turn, and is answered at one instant and one revision', async () => {
  const { local, evaluations } = await scene(({ machine }) => machine.advance(BATCH_SLICE_MS));
  let turns = 0;
  const takeTurns = (): void => {
    setImmediate(() => {
      turns += 1;
      if (evaluations() < 10) takeTurns();
    });
  };
  takeTurns();
  const results = answers(
    await batch(
      local,
      Array.from({ length: 10 }, () => kim),
    ),
  );
  expect(turns).toBeGreaterThanOrEqual(9);
  expect(new Set(results.map((it) => it.decidedAt.getTime())).size).toBe(1);
  expect(new Set(results.map((it) => it.revision)).size).toBe(1);
  expect(results.map((it) => it.settled.effect)).toEqual(Array.from({ length: 10 }, () => 'ALLOW'));
});

it('starts again when the ledger goes on meanwhile: no answer is of an older revision', async () => {
  const { local, evaluations } = await scene((at, count) => {
    at.machine.advance(BATCH_SLICE_MS);
    const promoted = entity(person('nobody'), [], { clearance: long(1n) });
    if (count === 3) void at.apply(applied([promoted], new Date(at.machine.wall)));
  });
  const before = local.replica.revision;
  const results = answers(
    await batch(
      local,
      Array.from({ length: 5 }, () => kim),
    ),
  );
  expect(new Set(results.map((it) => it.revision))).toEqual(new Set([before + 1n]));
  expect(new Set(results.map((it) => it.decidedAt.getTime())).size).toBe(1);
  expect(evaluations()).toBe(8);
});

it('after two new starts it goes on without giving way, however often the ledger does', async () => {
  const { local, evaluations } = await scene((at) => {
    at.machine.advance(BATCH_SLICE_MS);
    const { machine } = at;
    setImmediate(() => void at.apply(applied([entity(person('new'))], new Date(machine.wall))));
  });
  const results = answers(
    await batch(
      local,
      Array.from({ length: 5 }, () => kim),
    ),
  );
  expect(new Set(results.map((it) => it.revision)).size).toBe(1);
  expect(new Set(results.map((it) => it.decidedAt.getTime())).size).toBe(1);
  expect(evaluations()).toBeLessThanOrEqual(5 + 2 * 5);
  expect(evaluations()).toBeGreaterThan(5);
});

it('I16 what is not answered by the time that its instant is too old is permitted by no grant', async () => {
  const { local } = await scene(({ machine }, count) => {
    // One evaluation to each question about Otto, with the grant.
    machine.advance(count === 2 ? STALENESS_BOUND_MS : 0);
  });
  const now = local.machine.wall;
  await local.start({
    subject: otto.principal,
    startsAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
  });
  const results = await batch(local, [otto, otto, otto, otto]);
  expect(results.map(briefly)).toEqual(['ALLOW', 'ALLOW', 'STALE', 'STALE']);
});

it('I16 polls do not make the instant of a batch younger', async () => {
  const { local } = await scene((at, count) => {
    if (count !== 1) return;
    at.machine.advance(STALENESS_BOUND_MS);
    at.poll();
  });
  const now = local.machine.wall;
  await local.start({
    subject: otto.principal,
    startsAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
  });
  expect((await batch(local, [otto, otto])).map(briefly)).toEqual(['ALLOW', 'STALE']);
  expect((await batch(local, [otto])).map(briefly)).toEqual(['ALLOW']);
});
