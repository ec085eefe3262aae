import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Verdict } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { settle } from '../chaos/calm.ts';
import { type Cluster, PEOPLE as NAMES, startCluster } from '../chaos/cluster.ts';
import { writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import { summarize } from './summary.ts';

const CALLERS = 32;
const SECONDS = 15;
const LONE = 300;
const PEOPLE = 60;

/** How many changes a second the grant service acknowledges, and how long a revocation takes at idle and while everything is busy. */
export async function transitions(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: 10, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const ids = await grantAll(
    cluster,
    domain.people.map((person) => ({ person, databases: domain.databases })),
  );
  const grants = [...ids.values()];
  const lone: number[] = [];
  for (const id of grants.slice(0, LONE)) lone.push(await timed(() => revoke(cluster, id)));
  console.log(summarize('lone revoke', lone));

  const tookMs: number[] = [];
  const busyMs: number[] = [];
  const ending = AbortSignal.timeout(SECONDS * 1_000);
  const startedMs = performance.now();
  const callers = Array.from({ length: CALLERS }, async (_, index) => {
    const person = domain.people[index] ?? '';
    while (!ending.aborted) await lifeOf(cluster, person, tookMs);
  });
  const revoking = (async () => {
    for (const id of grants.slice(LONE))
      if (!ending.aborted) busyMs.push(await timed(() => revoke(cluster, id)));
  })();
  await Promise.all(callers);
  const seconds = (performance.now() - startedMs) / 1_000;
  await revoking;
  console.log(
    `${CALLERS} callers of one grant service, a request, a vote and a release in turn, each one acknowledged transaction; durable Postgres, all on one machine`,
  );
  console.log(
    `${summarize('transition', tookMs)}  ${Math.round((tookMs.length + busyMs.length) / seconds)} per second`,
  );
  console.log(summarize('revoke when busy', busyMs));
}

async function lifeOf(cluster: Cluster, person: string, tookMs: number[]): Promise<void> {
  const { grants } = cluster.as(person, 0);
  const note = async <T>(call: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const answer = await call();
    tookMs.push(performance.now() - startedMs);
    return answer;
  };
  const { request } = await note(() =>
    grants.requestAccess({
      items: [{ resource: { type: 'Database', id: 'prod0' }, actions: [{ id: 'read' }] }],
      duration: durationFromMs(600_000),
      reason: 'bench',
    }),
  );
  const vote = {
    id: request?.id ?? '',
    requestHash: request?.requestHash ?? new Uint8Array(),
    verdict: Verdict.APPROVE,
  };
  const reviewed = await note(() => cluster.as('owner0', 0).grants.reviewAccessRequest(vote));
  await note(() => grants.releaseGrant({ id: reviewed.request?.items[0]?.grantId ?? '' }));
}

function revoke(cluster: Cluster, id: string): Promise<unknown> {
  return cluster.as(NAMES.admin, 0).grants.revokeGrants({ ids: [id], reason: 'bench' });
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}
