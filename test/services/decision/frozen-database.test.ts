import { expect, it } from 'vitest';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { STALENESS_BOUND_MS } from '../../../services/decision/limits.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import { startOwnPostgres } from '../../support/own-postgres.ts';
import { createDatabaseOn } from '../../support/postgres.ts';
import { person } from './people.ts';
import { createScene, type Scene } from './scene.ts';

const FROZEN_MS = 3_000;
const otto = { principal: person('otto') };

it('D6 a database that is frozen for longer than S permits nothing by a grant from S on, and everything again after', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres();
  await using scene = await createScene({ database: await createDatabaseOn(server.url) });
  const now = Date.now();
  const { revision } = await scene.start({
    subject: otto.principal,
    startsAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
  });
  expect(await answerTo(scene, revision)).toBe('ALLOW');
  const { clock } = scene.service.followed;
  const answers: Answered[] = [];
  const thaw = await server.freeze();
  try {
    for (let ageMs = clock.ageMs(); ageMs < FROZEN_MS; ageMs = clock.ageMs())
      answers.push({ ageMs, answer: await answerTo(scene) });
  } finally {
    thaw();
  }
  const [within, beyond] = [true, false].map((isWithin) =>
    answers.filter(({ ageMs }) => ageMs < STALENESS_BOUND_MS === isWithin).map(({ answer }) => answer),
  );
  expect(within).toContain('ALLOW');
  expect(new Set(beyond)).toEqual(new Set(['STALE']));
  await expect.poll(() => answerTo(scene), { timeout: 60_000 }).toBe('ALLOW');
});

interface Answered {
  /** Of the last good poll, when it was asked. */
  readonly ageMs: number;
  readonly answer: string;
}

async function answerTo(scene: Scene, atLeastRevision = 0n): Promise<string> {
  const asking = scene.authorize({ ...otto, atLeastRevision });
  const effect = await asking.then(
    (answer) => answer.effect,
    () => undefined,
  );
  if (effect !== undefined) return effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
  return (await refusalOf(asking)).reason ?? '';
}
