import { setTimeout as pause } from 'node:timers/promises';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import { type Cluster, PEOPLE as NAMES, startCluster } from '../chaos/cluster.ts';
import { writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import { summarize } from './summary.ts';

const PEOPLE = 20;
const DATABASES = 100;
/** Of each kind. */
const REVOKES = 1_000;
const EVERY_MS = 20;
const LISTENER_KILLED_EVERY_MS = 500;
const FROZEN_MS = 4_000;

interface Held {
  readonly person: string;
  readonly database: string;
  readonly grantId: string;
}

/** From the acknowledgement of a revocation to the first DENY of another process: as it is, with the doorbell killed, and with the database frozen. */
export async function revoke(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: DATABASES, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const ids = await grantAll(
    cluster,
    domain.people.map((person) => ({ person, databases: domain.databases })),
  );
  const held = [...ids].map(([key, grantId]): Held => {
    const [person = '', database = ''] = key.split(' ');
    return { person, database, grantId };
  });
  console.log(
    `one revocation every ${EVERY_MS} ms through a grant service; two decision services in processes of their own`,
  );
  const [plain, listenerless, kept] = [held.slice(0, 900), held.slice(900, 1_800), held.slice(1_800)];
  console.log(summarize('revoke → DENY', await revokeAll(cluster, plain)));
  const killing = setInterval(
    () => void cluster.postgres.terminate('curfew-doorbell'),
    LISTENER_KILLED_EVERY_MS,
  );
  console.log(summarize('listener killed', await revokeAll(cluster, listenerless)));
  clearInterval(killing);
  await freeze(cluster, kept);
}

async function revokeAll(cluster: Cluster, held: readonly Held[]): Promise<readonly number[]> {
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const under: Promise<void>[] = [];
  for (const [index, each] of held.slice(0, REVOKES).entries()) {
    await pause(Math.max(0, startedMs + index * EVERY_MS - performance.now()));
    under.push(revokeOne(cluster, each).then((ms) => void tookMs.push(ms)));
  }
  await Promise.all(under);
  return tookMs;
}

async function revokeOne(cluster: Cluster, { person, database, grantId }: Held): Promise<number> {
  const question = {
    principal: { type: 'User', id: person },
    action: { id: 'read' },
    resource: { type: 'Database', id: database },
  };
  await cluster.as(NAMES.admin, 0).grants.revokeGrants({ ids: [grantId], reason: 'bench' });
  const acknowledgedMs = performance.now();
  while ((await cluster.decisions[0].ask.authorize(question)).effect !== Effect.DENY);
  return performance.now() - acknowledgedMs;
}

/** Asks by live grants while Postgres stands still, and says how long after its beginning the last ALLOW was asked for. */
async function freeze({ postgres, decisions }: Cluster, held: readonly Held[]): Promise<void> {
  await postgres.freeze();
  const frozenMs = performance.now();
  let lastAllowMs = 0;
  let refused = 0;
  while (performance.now() < frozenMs + FROZEN_MS) {
    for (const { person, database } of held.slice(0, 20)) {
      const askedMs = performance.now() - frozenMs;
      const effect = await decisions[0].ask
        .authorize({
          principal: { type: 'User', id: person },
          action: { id: 'read' },
          resource: { type: 'Database', id: database },
        })
        .then(
          (answer) => answer.effect,
          () => undefined,
        );
      if (effect === Effect.ALLOW) lastAllowMs = askedMs;
      else refused += 1;
    }
  }
  postgres.proceed();
  console.log(
    `frozen database     last ALLOW asked for ${Math.round(lastAllowMs)} ms after it stood still (S = 2,000 ms), then ${refused} times no ALLOW`,
  );
  if (lastAllowMs >= 2_000) process.exitCode = 1;
}
