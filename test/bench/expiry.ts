import { settle } from '../chaos/calm.ts';
import { startCluster } from '../chaos/cluster.ts';
import { random } from '../chaos/random.ts';
import { writeDomain } from './domain.ts';
import { type Ending, grantEach, measurePace, type Pair } from './expiring-grants.ts';
import { AROUND_MS, EARLY_MS, nothingSeen, type Seen, watchEnds } from './watch-ends.ts';

const GRANTS = 10_000;
const PEOPLE = 200;
const WARM_UP = 320;
const SPREAD_MS = 60_000;
/** What was missed at an end, because the machine was busy, is granted anew and watched again. */
const ROUNDS = 5;

/**
 * Ten thousand grants end at milliseconds of their own, and each decision service is asked about each on both sides of its end.
 * Nothing but time ends them: no process runs jobs.
 */
export async function expiry(): Promise<void> {
  await using domain = await writeDomain({ people: PEOPLE, databases: GRANTS / PEOPLE, policies: 20 });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const pairs: readonly Pair[] = domain.people.flatMap((person) =>
    domain.databases.map((database) => ({ person, database })),
  );
  const paceMs = await measurePace(cluster, pairs.slice(0, WARM_UP));
  const ends = random(1);
  const seen = [nothingSeen(), nothingSeen()] as const;
  const isMissed = (pair: Pair): boolean =>
    seen.some(({ live, ended }) => !(live.has(pair) && ended.has(pair)));
  for (let round = 1; round <= ROUNDS; round += 1) {
    const missed = pairs.filter(isMissed);
    if (missed.length === 0) break;
    const startedMs = performance.now();
    const endings = await grantEach(cluster, missed, { ends, spreadMs: SPREAD_MS, paceMs });
    const tookS = ((performance.now() - startedMs) / 1_000).toFixed(0);
    console.log(
      `round ${round}: ${missed.length} grants made in ${tookS} s, ending within ${spanS(endings)} s`,
    );
    await Promise.all(
      cluster.decisions.map((replica, index) => watchEnds(replica, endings, seen[index] ?? nothingSeen())),
    );
  }
  for (const [index, each] of seen.entries()) report(`decision-${index}`, each);
  const missed = pairs.filter(isMissed).length;
  if (missed > 0 || seen.some(({ allowedLate, deniedEarly }) => allowedLate + deniedEarly > 0))
    process.exitCode = 1;
}

function spanS(endings: readonly Ending[]): string {
  return (((endings.at(-1)?.expiresAt ?? 0) - (endings[0]?.expiresAt ?? 0)) / 1_000).toFixed(0);
}

function report(name: string, { asked, refused, allowedLate, deniedEarly, live, ended }: Seen): void {
  const both = [...live].filter((pair) => ended.has(pair)).length;
  console.log(`${name}: ${asked} answers around an end, ${refused} questions without one`);
  console.log(
    `  permitted before and denied after their end, within ${AROUND_MS} ms: ${both} of ${GRANTS} grants`,
  );
  console.log(`  ALLOW with decided_at ≥ expires_at: ${allowedLate}`);
  console.log(`  DENY more than ${EARLY_MS} ms early:      ${deniedEarly}`);
}
