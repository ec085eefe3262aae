import type { Cluster } from '../chaos/cluster.ts';
import { databaseOf, person, PEOPLE, SECURITY } from './lifecycle-company.ts';
import { summarize } from './summary.ts';

const CALLS = 300;
const REVISIONS = 60;
const WARM_MS = 100;
const NEW_REVISION_MS = 500;

/** How long a preview takes, and how long the first one does after the directory has changed. */
export async function preview(cluster: Cluster): Promise<void> {
  console.log(
    `preview with ${PEOPLE} people, a group of ${SECURITY}; one call at a time over a socket, by somebody who may see names`,
  );
  await measure(cluster, 'an owner', { actions: ['read'], database: 1 });
  await measure(cluster, 'owner and group', { actions: ['read', 'write'], database: 1 });
  await measure(cluster, 'manager and owner', { actions: ['read'], database: 10 });
}

interface Wish {
  readonly actions: readonly string[];
  readonly database: number;
}

async function measure(cluster: Cluster, name: string, wish: Wish): Promise<void> {
  await previewed(cluster, wish);
  const warmMs: number[] = [];
  for (let call = 0; call < CALLS; call += 1) warmMs.push(await previewed(cluster, wish));
  const newMs: number[] = [];
  for (let call = 0; call < REVISIONS; call += 1) {
    await change(cluster, call);
    newMs.push(await previewed(cluster, wish));
  }
  console.log(summarize(name.padEnd(18), warmMs));
  console.log(summarize('  new directory'.padEnd(18), newMs));
  if (at99(warmMs) > WARM_MS || at99(newMs) > NEW_REVISION_MS) process.exitCode = 1;
}

function at99(valuesMs: readonly number[]): number {
  return valuesMs.toSorted((a, b) => a - b)[Math.floor(valuesMs.length * 0.99)] ?? 0;
}

async function previewed(cluster: Cluster, { actions, database }: Wish): Promise<number> {
  const startedMs = performance.now();
  const { request } = await cluster.as(person(2), 0).grants.requestAccess({
    items: [{ resource: databaseOf(database), actions: actions.map((id) => ({ id })) }],
    validateOnly: true,
  });
  const tookMs = performance.now() - startedMs;
  for (const step of request?.items[0]?.steps ?? [])
    if (step.candidates === 0 || step.candidatePeople.length === 0)
      throw new Error(`nobody for step ${step.name}`);
  return tookMs;
}

/** Somebody joins. */
async function change(cluster: Cluster, call: number): Promise<void> {
  const { entity } = await cluster
    .as('root', 0)
    .directory.getEntity({ uid: { type: 'User', id: person(9_997) } });
  if (entity === undefined) throw new Error('the directory lost somebody');
  const { title } = entity.attributes;
  if (title === undefined) throw new Error('somebody lost their title');
  const changed = {
    ...title,
    kind: { case: 'stringValue', value: `engineer ${call} ${Math.random()}` },
  } as const;
  const attributes = { ...entity.attributes, title: changed };
  await cluster.as('root', 0).directory.applyEntities({ entities: [{ ...entity, attributes }] });
}
