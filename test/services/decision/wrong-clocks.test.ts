import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { HOUR_MS, WrongClock } from '../../support/wrong-clock.ts';
import { person } from './people.ts';
import { createScene, type Scene } from './scene.ts';

/** On a machine too busy to ask meanwhile, one that lasts longer is tried. */
const [SHORT_MS, LONG_MS] = [800, 20_000];
const otto = { principal: person('otto') };
const patiently = { timeout: 60_000 };

const machine = new WrongClock();
const lines: string[] = [];
let scene: Scene;

beforeAll(async () => {
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  scene = await createScene({ machine, logger });
});
afterAll(() => scene[Symbol.asyncDispose]());
beforeEach(setRight);

async function setRight(): Promise<void> {
  machine.aheadMs = 0;
  machine.stoppedAtMs = undefined;
  await vi.waitUntil(() => scene.service.followed.clock.driftMs() === 0, patiently);
}

interface Wrong {
  readonly name: string;
  /** Before each question. */
  readonly goWrong: (round: number) => void;
  readonly isSilent?: boolean;
  /** Whether it may permit while the grant lives. */
  readonly mayPermit: boolean;
}

/** Asks until after the end of a grant. @returns how often it permitted */
async function permitsDuring(wrong: Wrong, grantMs: number): Promise<number> {
  const expiresAtMs = Date.now() + grantMs;
  const { revision } = await scene.start({
    subject: otto.principal,
    startsAt: new Date(expiresAtMs - grantMs),
    expiresAt: new Date(expiresAtMs),
  });
  await scene.service.followed.follower.waitFor(revision, 10_000);
  const speak = wrong.isSilent === true ? await scene.silence() : undefined;
  let permits = 0;
  for (let round = 0; Date.now() < expiresAtMs + SHORT_MS / 4; round += 1) {
    wrong.goWrong(round);
    const askedAtMs = Date.now();
    const answer = await scene.authorize(otto).catch(() => undefined);
    if (answer?.effect !== Effect.ALLOW) continue;
    permits += 1;
    // The database of the tests has the clock of this machine.
    expect(askedAtMs).toBeLessThan(expiresAtMs);
    const { seconds = 0n, nanos = 0 } = answer.decidedAt ?? {};
    expect(Number(seconds) * 1_000 + nanos / 1e6).toBeLessThan(expiresAtMs);
  }
  await speak?.();
  return permits;
}

it.each<Wrong>([
  { name: 'an hour ahead', goWrong: () => (machine.aheadMs = HOUR_MS), mayPermit: false },
  { name: 'an hour behind', goWrong: () => (machine.aheadMs = -HOUR_MS), mayPermit: true },
  {
    name: 'stepped an hour back and forth',
    goWrong: (round) => (machine.aheadMs = round % 2 === 0 ? -HOUR_MS : HOUR_MS),
    mayPermit: true,
  },
  {
    name: 'turned back a little with each question',
    goWrong: (round) => (machine.aheadMs = -round * 50),
    mayPermit: true,
  },
  {
    name: 'suspended while no poll is answered',
    goWrong: () => (machine.stoppedAtMs ??= performance.now()),
    isSilent: true,
    mayPermit: true,
  },
  {
    name: 'turned back an hour while no poll is answered',
    goWrong: () => (machine.aheadMs = -HOUR_MS),
    isSilent: true,
    mayPermit: true,
  },
])('D11 with a clock $name nothing is permitted at or after the end of a grant', async (wrong) => {
  let permits = 0;
  for (let ms = SHORT_MS; permits === 0 && ms <= (wrong.mayPermit ? LONG_MS : SHORT_MS); ms *= 2) {
    await setRight();
    permits = await permitsDuring(wrong, ms);
  }
  expect(permits > 0).toBe(wrong.mayPermit);
});

it('D11 a clock that is off by more than a second is told once, by more than five is not ready, and is ready again when it is set', async () => {
  const ready = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${scene.service.httpPort}/readyz`)).status;
  const told = (): readonly string[] =>
    lines
      .map((line) => JSON.parse(line) as { msg: string; driftMs?: number }) // pino writes these
      .filter(({ driftMs }) => driftMs !== undefined)
      .map(({ msg }) => msg.replace(/:.*/, ''));
  await expect.poll(ready, patiently).toBe(200);
  lines.length = 0;
  machine.aheadMs = -2_000;
  await expect.poll(told, patiently).toHaveLength(1);
  machine.aheadMs = -3_000;
  const { clock } = scene.service.followed;
  await expect.poll(() => clock.driftMs(), patiently).toBeLessThan(-2_500);
  expect(await ready()).toBe(200);
  machine.aheadMs = 6_000;
  await expect.poll(ready, patiently).toBe(503);
  machine.aheadMs = 0;
  await expect.poll(ready, patiently).toBe(200);
  expect(told()).toEqual([
    "this machine's clock is off the database's by more than a second",
    "this machine's clock is off the database's by more than five seconds",
    "this machine's clock agrees with the database's again",
  ]);
});
