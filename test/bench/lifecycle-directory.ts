import { setTimeout as pause } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { CurfewError } from '../../clients/sdk/index.ts';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import { type Cluster, PEOPLE as NAMES, startCluster } from '../chaos/cluster.ts';
import { writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import { summarize } from './summary.ts';

const PEOPLE = 20;
const DATABASES = 100;
/** Of each half, one as fast as it goes, one with a call every so often. */
const HALF = 50_000;
const CALL_EVERY_MS = 400;
const CHUNK = 1_000;
const PAGE = 500;
const REVOKE_EVERY_MS = 50;
const MEMBERS = 100;
const DELETED = 20_000;
const AT_REST = 300;

/** What may be at most. */
const LOAD_MS = 60_000;
const REVOKE_P99_MS = 50;
const MEMBER_P99_MS = 100;

interface Held {
  readonly person: string;
  readonly database: string;
  readonly grantId: string;
}

/**
 * A directory at size: 100,000 entities loaded while grants are revoked, read back whole, and members who leave a group. Services in
 * processes of their own; what a change is asked of is another process than the one that made it.
 */
export async function lifecycleDirectory(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: DATABASES, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const ids = await grantAll(
    cluster,
    domain.people.map((person) => ({ person, databases: domain.databases })),
  );
  const held = Array.from(ids, ([key, grantId]): Held => {
    const [person = '', database = ''] = key.split(' ');
    return { person, database, grantId };
  });
  console.log('two grant services and two decision services, in processes of their own');
  const before = held.splice(0, AT_REST);
  report(
    'revoke, at rest',
    await revokeWhile(cluster, before, pause(before.length * REVOKE_EVERY_MS)),
    REVOKE_P99_MS,
  );
  await load(cluster, held);
  await readWhole(cluster);
  await members(cluster);
  await deleteSome(cluster);
}

async function load(cluster: Cluster, held: Held[]): Promise<void> {
  const begunMs = performance.now();
  await loadHalf(cluster, held, { first: 0, everyMs: 0 });
  await loadHalf(cluster, held, { first: HALF, everyMs: CALL_EVERY_MS });
  const tookMs = performance.now() - begunMs;
  console.log(
    `${2 * HALF} entities   in ${(tookMs / 1_000).toFixed(1)} s, at most ${LOAD_MS / 1_000} s wanted`,
  );
  if (tookMs > LOAD_MS) process.exitCode = 1;
}

async function loadHalf(
  cluster: Cluster,
  held: Held[],
  { first, everyMs }: { readonly first: number; readonly everyMs: number },
): Promise<void> {
  const { directory } = cluster.as(NAMES.admin, 0);
  const callsMs: number[] = [];
  const begunMs = performance.now();
  const loading = (async () => {
    for (let start = first; start < first + HALF; start += CHUNK) {
      const calledMs = performance.now();
      await directory.applyEntities({
        entities: Array.from({ length: CHUNK }, (_, index) => entity(start + index)),
      });
      callsMs.push(performance.now() - calledMs);
      await pause(Math.max(0, calledMs + everyMs - performance.now()));
    }
  })();
  const revoked = await revokeWhile(cluster, held, loading);
  const how = everyMs === 0 ? 'as fast as it goes' : `a call every ${everyMs} ms`;
  console.log(`${HALF} entities    in ${((performance.now() - begunMs) / 1_000).toFixed(1)} s, ${how}`);
  console.log(summarize(`${CHUNK} a call`, callsMs));
  report('revoke meanwhile', revoked, REVOKE_P99_MS);
}

/** Four of five are people, in teams of a hundred; the others are databases with two owners. */
function entity(index: number) {
  if (index % 5 === 4) {
    const owners = [index - 1, index - 2].map((owner) => ({
      kind: { case: 'entityValue' as const, value: { type: 'User', id: `load${owner}` } },
    }));
    return {
      uid: { type: 'Database', id: `load${index}` },
      attributes: { owners: { kind: { case: 'setValue' as const, value: { values: owners } } } },
      parents: [{ type: 'Environment', id: 'prod' }],
    };
  }
  return { uid: { type: 'User', id: `load${index}` }, parents: [{ type: 'Group', id: 'staff' }] };
}

/** One revocation every so often until the other work is done; from its acknowledgement by one grant service to the first DENY of a decision service. */
async function revokeWhile(
  cluster: Cluster,
  held: Held[],
  other: Promise<unknown>,
): Promise<readonly number[]> {
  const tookMs: number[] = [];
  const callsMs: number[] = [];
  const under: Promise<void>[] = [];
  const over = other.then(() => 'over');
  for (let index = 0; (await Promise.race([over, pause(REVOKE_EVERY_MS)])) !== 'over'; index += 1) {
    const each = held.shift();
    if (each === undefined) continue;
    const revoking = revokeOne(cluster, each, index % 2).then(({ callMs, denyMs }) => {
      callsMs.push(callMs);
      tookMs.push(denyMs);
    });
    under.push(revoking);
  }
  await Promise.all(under);
  console.log(summarize('revoke, the call', callsMs));
  return tookMs;
}

async function revokeOne(cluster: Cluster, { person, database, grantId }: Held, grant: number) {
  const calledMs = performance.now();
  const { failed } = await cluster
    .as(NAMES.admin, grant)
    .grants.revokeGrants({ ids: [grantId], reason: 'bench' });
  if (failed.length > 0) throw new Error(`not revoked: ${failed[0]?.status?.message ?? ''}`);
  const acknowledgedMs = performance.now();
  await untilDenied(cluster, person, database);
  return { callMs: acknowledgedMs - calledMs, denyMs: performance.now() - acknowledgedMs };
}

async function untilDenied({ decisions }: Cluster, person: string, database: string): Promise<void> {
  const question = {
    principal: { type: 'User', id: person },
    action: { id: 'read' },
    resource: { type: 'Database', id: database },
  };
  while ((await decisions[0].ask.authorize(question)).effect !== Effect.DENY);
}

async function readWhole(cluster: Cluster): Promise<void> {
  const { directory } = cluster.as(NAMES.admin, 1);
  const callsMs: number[] = [];
  const begunMs = performance.now();
  let count = 0;
  let pageToken = '';
  do {
    const calledMs = performance.now();
    const page = await directory.listEntities({ pageSize: PAGE, pageToken });
    callsMs.push(performance.now() - calledMs);
    count += page.entities.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  console.log(
    `${count} entities   read in ${((performance.now() - begunMs) / 1_000).toFixed(1)} s, ${PAGE} a call`,
  );
  console.log(summarize('a page', callsMs));
}

async function deleteSome(cluster: Cluster): Promise<void> {
  const { directory } = cluster.as(NAMES.admin, 0);
  const callsMs: number[] = [];
  for (let start = 0; start < DELETED; start += CHUNK) {
    const calledMs = performance.now();
    const uids = Array.from({ length: CHUNK }, (_, index) => entity(start + index).uid);
    await directory.deleteEntities({ uids });
    callsMs.push(performance.now() - calledMs);
  }
  console.log(summarize(`delete ${CHUNK} a call`, callsMs));
}

/** Somebody leaves a group: they may review no more, and what they were let in by it to hold permits no more. */
async function members(cluster: Cluster): Promise<void> {
  const refusedMs: number[] = [];
  const deniedMs: number[] = [];
  const admin = cluster.as(NAMES.admin, 0);
  for (let round = 0; round < MEMBERS; round += 1) {
    const id = `member${round}`;
    const user = (...groups: string[]) => ({
      uid: { type: 'User', id },
      parents: groups.map((group) => ({ type: 'Group', id: group })),
    });
    await admin.directory.applyEntities({ entities: [user('staff', 'security')] });
    const own = cluster.as(id, 1);
    const wish = { duration: durationFromMs(600_000), reason: 'bench' };
    await own.grants.requestAccess({ ...wish, items: [item('bench0', 'read')] });
    const { request } = await cluster
      .as('person0', 1)
      .grants.requestAccess({ ...wish, items: [item('prod0', 'drop')] });
    const requestId = request?.id ?? '';
    await own.grants.getAccessRequest({ id: requestId });
    await admin.directory.applyEntities({ entities: [user()] });
    const leftMs = performance.now();
    await Promise.all([
      untilRefused(() => own.grants.getAccessRequest({ id: requestId })).then(() =>
        refusedMs.push(performance.now() - leftMs),
      ),
      untilDenied(cluster, id, 'bench0').then(() => deniedMs.push(performance.now() - leftMs)),
    ]);
  }
  report('member → refused', refusedMs, MEMBER_P99_MS);
  report('member → DENY', deniedMs, MEMBER_P99_MS);
}

function item(database: string, action: string) {
  return { resource: { type: 'Database', id: database }, actions: [{ id: action }] };
}

async function untilRefused(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error: unknown = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof CurfewError && error.reason === 'REQUEST_NOT_FOUND') return;
    if (error !== undefined) throw error;
  }
}

function report(name: string, valuesMs: readonly number[], mostMs: number): void {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const p99 =
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.POSITIVE_INFINITY;
  const verdict = p99 <= mostMs ? `within ${mostMs} ms` : `MORE than ${mostMs} ms`;
  console.log(`${summarize(name, valuesMs)}  p99 ${verdict}`);
  if (p99 > mostMs) process.exitCode = 1;
}
