import { setTimeout as pause } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { PEOPLE } from './cluster.ts';
import { ask, type AskedAbout } from './questions.ts';
import { readGrant } from './read-grant.ts';
import type { Stage } from './stage.ts';
import { submit } from './submit.ts';

/** Takes one short grant after the other, and asks by each around the instant at which it ends. */
export async function watchEnds(stage: Stage): Promise<void> {
  const { random, signal } = stage;
  while (!signal.aborted) {
    const about = {
      principal: random.pick(PEOPLE.requesters),
      action: 'read',
      resource: `test${random.between(0, 2)}`,
    };
    const request = await submit(stage, { ...about, durationMs: random.between(200, 600) });
    const grant = request && (await readGrant(stage, about.principal, request.items[0]?.grantId ?? ''));
    if (grant !== undefined) await watchItEnd(stage, about, grant);
  }
}

const LONGEST_WAIT_MS = 6_000;
const AROUND_MS = 20;

/** Asks without a pause around the instant at which it expires. */
export async function watchItEnd(
  { cluster, history }: Stage,
  about: AskedAbout,
  grant: Grant,
): Promise<void> {
  if (grant.expiresAt === undefined) return;
  const expiresAt = timestampMs(grant.expiresAt);
  const waitMs = expiresAt - AROUND_MS - Date.now();
  if (waitMs > LONGEST_WAIT_MS) return;
  await pause(Math.max(0, waitMs));
  const askOn = async (index: number): Promise<void> => {
    const replica = cluster.decisions[index % 2 === 0 ? 0 : 1];
    while (Date.now() < expiresAt + AROUND_MS) await ask(history, replica, about);
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(askOn));
}
