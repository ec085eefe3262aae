import { setTimeout as pause } from 'node:timers/promises';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import { type Cluster, PEOPLE as NAMES, startCluster } from '../chaos/cluster.ts';
import { writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import { summarize } from './summary.ts';

const GRANTS = 100_000;
const PEOPLE = 500;
const ROUNDS = 5;
const LOOK_MS = 5;
const DECISION_MS = 2_000;
const POSTGRES_MS = 10_000;

/**
 * How long after a kill -9 a decision service with many grants decides by one again, and after one of Postgres the grant service writes
 * again.
 */
export async function recovery(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: GRANTS / PEOPLE, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const startedMs = performance.now();
  const ids = await grantAll(
    cluster,
    domain.people.map((person) => ({ person, databases: domain.databases })),
  );
  const tookS = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(
    `${ids.size} live grants, made in ${tookS} s; each process is started again 100 ms after it died`,
  );
  const decisionMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const killedMs = performance.now();
    await cluster.decisions[0].process.kill();
    await until(() => allows(cluster));
    decisionMs.push(performance.now() - killedMs);
  }
  report('decision service', decisionMs, DECISION_MS);
  const postgresMs: number[] = [];
  for (const id of [...ids.values()].slice(0, ROUNDS)) {
    const killedMs = performance.now();
    await cluster.postgres.kill();
    await cluster.postgres.start();
    await until(() => writes(cluster, id));
    postgresMs.push(performance.now() - killedMs);
  }
  report('postgres', postgresMs, POSTGRES_MS);
}

function report(name: string, tookMs: readonly number[], mostMs: number): void {
  console.log(`${summarize(name, tookMs)}  at most ${mostMs} ms is wanted`);
  if (Math.max(...tookMs) > mostMs) process.exitCode = 1;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await pause(LOOK_MS);
}

async function allows({ decisions }: Cluster): Promise<boolean> {
  const { effect } = await decisions[0].ask.authorize({
    principal: { type: 'User', id: `person${PEOPLE - 1}` },
    action: { id: 'read' },
    resource: { type: 'Database', id: 'bench0' },
  });
  return effect === Effect.ALLOW;
}

async function writes(cluster: Cluster, id: string): Promise<boolean> {
  const { revision } = await cluster
    .as(NAMES.admin, 0)
    .grants.revokeGrants({ ids: [id], reason: 'bench' }, { timeoutMs: 1_000 });
  return revision > 0n;
}
