import { setTimeout as pause } from 'node:timers/promises';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import { type Cluster, startCluster } from '../chaos/cluster.ts';
import { random } from '../chaos/random.ts';
import { writeDomain } from './domain.ts';
import { inParallel } from './in-parallel.ts';

const GRANTS = 10_000;
const PEOPLE = 200;
const CALLERS = 16;
/** Ends are spread over so long, once every grant is there. */
const SPREAD_MS = 60_000;
/** How long it may take until every grant is there. */
const PREPARATION_MS = 120_000;
const AROUND_MS = 30;
const TICK_MS = 5;
const MOST_IN_BATCH = 500;
const EARLY_MS = 20;

interface Ending {
  readonly person: string;
  readonly database: string;
  readonly expiresAt: number;
}

/** Ten thousand grants end at milliseconds of their own, and each is asked about around its end. Nothing but time ends them. */
export async function expiry(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: GRANTS / PEOPLE, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const wanted = domain.people.flatMap((person) =>
    domain.databases.map((database) => ({ person, database })),
  );
  const endings = (await grantEach(cluster, wanted)).toSorted((a, b) => a.expiresAt - b.expiresAt);
  const firstAt = endings[0]?.expiresAt ?? 0;
  if (firstAt - AROUND_MS < Date.now())
    throw new Error(`the machine is too slow: the first grant ended before all ${GRANTS} were there`);
  const { asked, allowedLate, deniedEarly, refused } = await watch(cluster, endings);
  console.log(
    `${GRANTS} grants, ends spread over ${SPREAD_MS / 1_000} s, ${asked} answers within ${AROUND_MS} ms of an end, ${refused} without`,
  );
  console.log(`ALLOW with decided_at ≥ expires_at: ${allowedLate}`);
  console.log(`DENY more than ${EARLY_MS} ms early:      ${deniedEarly}`);
  if (allowedLate + deniedEarly > 0) process.exitCode = 1;
}

async function grantEach(
  cluster: Cluster,
  wanted: readonly { readonly person: string; readonly database: string }[],
): Promise<readonly Ending[]> {
  const { next } = random(1);
  const allThereAt = Date.now() + PREPARATION_MS;
  const endings: Ending[] = [];
  await inParallel(CALLERS, wanted, async ({ person, database }, index) => {
    const { grants } = cluster.as(person, index % 2);
    const { request } = await grants.requestAccess({
      items: [{ resource: { type: 'Database', id: database }, actions: [{ id: 'read' }] }],
      duration: durationFromMs(Math.round(allThereAt + next() * SPREAD_MS - Date.now())),
      reason: 'bench',
    });
    const { grant } = await grants.getGrant({ id: request?.items[0]?.grantId ?? '' });
    if (grant?.expiresAt === undefined) throw new Error('a grant has no end');
    endings.push({ person, database, expiresAt: timestampMs(grant.expiresAt) });
  });
  return endings;
}

async function watch({ decisions }: Cluster, endings: readonly Ending[]) {
  const found = { asked: 0, allowedLate: 0, deniedEarly: 0, refused: 0 };
  const askAbout = async (near: readonly Ending[], index: number): Promise<void> => {
    const { results } = await decisions[index % 2 === 0 ? 0 : 1].ask.batchAuthorize({
      requests: near.slice(0, MOST_IN_BATCH).map(({ person, database }) => ({
        principal: { type: 'User', id: person },
        action: { id: 'read' },
        resource: { type: 'Database', id: database },
      })),
    });
    for (const [at, { result }] of results.entries()) {
      if (result.case !== 'response') {
        found.refused += 1;
        continue;
      }
      const { effect, decidedAt } = result.value;
      const leftMs = (near[at]?.expiresAt ?? 0) - (decidedAt === undefined ? 0 : timestampMs(decidedAt));
      found.asked += 1;
      if (effect === Effect.ALLOW && leftMs <= 0) found.allowedLate += 1;
      if (effect !== Effect.ALLOW && leftMs > EARLY_MS) found.deniedEarly += 1;
    }
  };
  let from = 0;
  for (let tick = 0; from < endings.length; tick += 1) {
    await pause(TICK_MS);
    const now = Date.now();
    while ((endings[from]?.expiresAt ?? Number.POSITIVE_INFINITY) < now - AROUND_MS) from += 1;
    const near = endings
      .slice(from, from + MOST_IN_BATCH)
      .filter(({ expiresAt }) => expiresAt < now + AROUND_MS);
    if (near.length > 0) await askAbout(near, tick);
  }
  return found;
}
