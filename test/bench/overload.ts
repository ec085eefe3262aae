import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { settle } from '../chaos/calm.ts';
import { type Cluster, startCluster } from '../chaos/cluster.ts';
import { writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import type { Asked, Offer, Outcome } from './overload-client.ts';

const PEOPLE = 200;
const DATABASES = 100;
const HELD = 50;
const POLICIES = 20;
/** Processes that ask. */
const CLIENTS = 2;
/** How long it may take until answers come as fast as before. */
const RECOVERY_SECONDS = 5;
const CLIENT = fileURLToPath(new URL('./overload-client.ts', import.meta.url));
const run = promisify(execFile);

/** More is asked of one decision service than it can answer; what it answers all the same, and how soon the rest is refused. */
export async function overload(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: { seconds: { type: 'string', default: '60' } },
  });
  const seconds = Number(values.seconds);
  await using domain = await writeDomain({ people: PEOPLE, databases: DATABASES, policies: POLICIES });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const holdings = domain.people.map((person) => ({ person, databases: domain.databases.slice(0, HELD) }));
  const ids = await grantAll(cluster, holdings);
  while ((await cluster.decisions[0].ask.getStatus({})).liveGrants < BigInt(ids.size));
  const asked = domain.people.flatMap((person) =>
    domain.databases.map((database) => ({
      person,
      database,
      grantId: ids.get(`${person} ${database}`) ?? '',
    })),
  );
  const questions = join(domain.folder, 'questions.json');
  await writeFile(questions, JSON.stringify(asked satisfies readonly Asked[]));
  console.log(
    `${asked.length} distinct questions, half of them by one of ${ids.size} live grants, ${POLICIES} policies, one decision process; ` +
      `${CLIENTS} processes ask over 4 connections each, on the same ${navigator.hardwareConcurrency} cores; a call waits 200 ms at most; every answer checked`,
  );
  await measure({ cluster, questions, seconds });
}

interface Setting {
  readonly cluster: Cluster;
  readonly questions: string;
  readonly seconds: number;
}

async function measure(setting: Setting): Promise<void> {
  const { seconds } = setting;
  await offer(setting, { name: 'warm-up', kind: 'closed', perSecond: 0, seconds: 5 });
  const knee = await offer(setting, { name: 'knee: closed loop', kind: 'closed', perSecond: 0, seconds });
  const usual = { name: 'half the knee', kind: 'stubborn', perSecond: knee.perSecond / 2 } as const;
  const before = await offer(setting, { ...usual, seconds: 10 });
  const over = async (times: number, kind: Offer['kind'], wantedShare: number): Promise<void> => {
    const name = `${times} × the knee, ${kind}`;
    const met = await offer(setting, { name, kind, perSecond: times * knee.perSecond, seconds });
    const share = met.perSecond / knee.perSecond;
    expectThat(
      share >= wantedShare,
      `goodput is ${percent(share)} of the knee, wanted ${percent(wantedShare)}`,
    );
    expectThat(met.refusedP99Ms <= 50, `refusals come within ${met.refusedP99Ms} ms (p99), wanted 50`);
    expectThat(met.timedOut === 0, `${met.timedOut} admitted calls timed out`);
    const after = await offer(setting, {
      ...usual,
      name: 'half the knee again',
      seconds: RECOVERY_SECONDS + 5,
    });
    const p99Ms = p99(after.goodMs.filter(([atS]) => atS >= RECOVERY_SECONDS).map(([, ms]) => ms));
    const wantedMs = Math.max(10, before.p99Ms * 1.5);
    expectThat(p99Ms <= wantedMs, `p99 is ${p99Ms} ms after ${RECOVERY_SECONDS} s, wanted ${wantedMs}`);
  };
  await over(3, 'sdk', 0.7);
  await over(1.5, 'stubborn', 0.6);
  await over(3, 'stubborn', 0);
}

interface Met {
  /** Good answers. */
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly refusedP99Ms: number;
  readonly timedOut: number;
  readonly goodMs: Outcome['goodMs'];
}

async function offer(
  { cluster, questions }: Setting,
  { name, ...phase }: Pick<Offer, 'kind' | 'perSecond' | 'seconds'> & { readonly name: string },
): Promise<Met> {
  const [{ address }] = cluster.decisions;
  const part = { ...phase, perSecond: phase.perSecond / CLIENTS };
  const wish: Omit<Offer, 'outcome'> = { address, token: cluster.token, questions, ...part };
  const outcomes = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      const outcome = `${questions}-${index}`;
      await run(process.execPath, [CLIENT, JSON.stringify({ ...wish, outcome })]);
      return JSON.parse(await readFile(outcome, 'utf8')) as Outcome; // what the client writes
    }),
  );
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, each) => all + of(each), 0);
  const goodMs = outcomes.flatMap((each) => each.goodMs);
  const met = {
    perSecond: Math.round(sum(({ good }) => good) / phase.seconds),
    p99Ms: p99(goodMs.map(([, ms]) => ms)),
    refusedP99Ms: p99(outcomes.flatMap((each) => each.refusedMs)),
    timedOut: sum(({ timedOut }) => timedOut),
    goodMs,
  };
  const wrong = sum((each) => each.wrong);
  console.log(
    `${name.padEnd(24)} ${Math.round(sum((each) => each.asked - each.unsent) / phase.seconds)}/s asked  ${met.perSecond}/s good, p99 ${met.p99Ms} ms  ` +
      `${sum((each) => each.refused)} refused, p99 ${met.refusedP99Ms} ms  ${met.timedOut} timed out  ${sum((each) => each.unsent)} not sent  ${sum((each) => each.failed)} failed  ${wrong} wrong`,
  );
  if (wrong > 0) process.exitCode = 1;
  return met;
}

function expectThat(isMet: boolean, said: string): void {
  console.log(`  ${isMet ? 'met' : 'MISSED'}: ${said}`);
  if (!isMet) process.exitCode = 1;
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
