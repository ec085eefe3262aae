import { setTimeout as pause } from 'node:timers/promises';
import { PEOPLE } from './cluster.ts';
import { ask, type AskedAbout } from './questions.ts';
import type { Stage } from './stage.ts';
import { submit } from './submit.ts';

const ACTIONS = ['read', 'write', 'drop'] as const;
const PAUSE_MS = 5;
const HOUR_MS = 3_600_000;

/** Takes grants that outlast the run, so that there is always something to ask about that is permitted. */
export async function hold(stage: Stage): Promise<readonly AskedAbout[]> {
  const held = PEOPLE.requesters.map((principal) => ({ principal, action: 'read', resource: 'test0' }));
  for (const about of held) await submit(stage, { ...about, durationMs: HOUR_MS });
  return held;
}

/** Asks one replica, about what is held every other time and else about anybody, until the run ends. */
export async function askOnAndOn(stage: Stage, held: readonly AskedAbout[], index: 0 | 1): Promise<void> {
  const { cluster, history, random, signal } = stage;
  while (!signal.aborted) {
    const about = random.next() < 0.5 ? random.pick(held) : anything(stage);
    await ask(history, cluster.decisions[index], { ...about, isPoisoned: random.next() < 0.1 });
    await pause(PAUSE_MS);
  }
}

function anything({ random }: Stage): AskedAbout {
  return {
    principal: random.pick(PEOPLE.requesters),
    action: random.pick(ACTIONS),
    resource: random.next() < 0.25 ? `test${random.between(0, 2)}` : `prod${random.between(0, 6)}`,
  };
}
