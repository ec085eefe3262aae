import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { coreWaitMs, cpuTimeMs } from './cpu-time.ts';
import {
  type Asker,
  COMPANY,
  CONNECTIONS,
  type Met,
  type Offer,
  type Result,
  TIMEOUT_MS,
} from './overload-offer.ts';
import { foundCompany } from './versus/company.ts';
import { type CurfewServices, startCurfew } from './versus/curfew.ts';
import { grantsOfAll } from './versus/granted.ts';

/** Processes that ask, by kind. */
const CLIENTS = 2;
/** One that asks little beside them: what it waits is the service's time, not that of clients that are busy themselves. */
const PROBES_PER_SECOND = 50;
/** How long it may take until answers come as fast as before. */
const RECOVERY_SECONDS = 5;
const REFUSED_WITHIN_MS = 50;
const CLIENT = fileURLToPath(new URL('./overload-client.ts', import.meta.url));

/** More is asked of one decision service than it can answer; what it answers all the same, and how soon the rest is refused. */
export async function overload(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: { seconds: { type: 'string', default: '60' }, only: { type: 'string' } },
  });
  const company = foundCompany(COMPANY.policies, COMPANY.people);
  const grants = grantsOfAll(company);
  await using curfew = await startCurfew({ company, grants });
  console.log(
    `questions that nobody asked before, each by one of ${grants.length} live grants, ${COMPANY.policies} policies, one decision process; ` +
      `${CLIENTS} processes ask over ${CONNECTIONS} connections each, on the same ${navigator.hardwareConcurrency} cores; ` +
      `a call waits ${TIMEOUT_MS} ms at most; every answer checked`,
  );
  await using clients = await startClients(curfew);
  await measure({ curfew, clients, seconds: Number(values.seconds), only: values.only });
}

interface Clients extends AsyncDisposable {
  readonly sdk: readonly ChildProcess[];
  readonly stubborn: readonly ChildProcess[];
  readonly probe: readonly ChildProcess[];
}

/** They stay until the end: what has just started is many times slower than what has run for a while. */
async function startClients({ address, token }: CurfewServices): Promise<Clients> {
  const started: ChildProcess[] = [];
  const start = async (by: Asker['by']): Promise<ChildProcess> => {
    const asker = { address, token, by, turn: started.length } satisfies Asker;
    const child = fork(CLIENT, [JSON.stringify(asker)], { serialization: 'advanced' });
    started.push(child);
    await wordOf(child);
    return child;
  };
  const many = async (by: Asker['by'], count: number): Promise<readonly ChildProcess[]> => {
    const children: ChildProcess[] = [];
    for (let index = 0; index < count; index += 1) children.push(await start(by));
    return children;
  };
  return {
    sdk: await many('sdk', CLIENTS),
    stubborn: await many('stubborn', CLIENTS),
    probe: await many('stubborn', 1),
    async [Symbol.asyncDispose]() {
      for (const child of started) {
        child.disconnect();
        await once(child, 'exit');
      }
    },
  };
}

/** What a client says next. @throws Error when it ends instead */
async function wordOf(client: ChildProcess): Promise<unknown> {
  const isOver = new AbortController();
  const { signal } = isOver;
  try {
    const ended = once(client, 'exit', { signal }).then(([code]) => {
      throw new Error(`a client ended with ${String(code)}`);
    });
    const [word] = (await Promise.race([once(client, 'message', { signal }), ended])) as readonly unknown[];
    return word;
  } finally {
    isOver.abort();
  }
}

interface Setting {
  readonly curfew: CurfewServices;
  readonly clients: Clients;
  readonly seconds: number;
  readonly only: string | undefined;
}

interface Phase extends Offer {
  readonly name: string;
  readonly by: 'sdk' | 'stubborn' | 'probe';
}

type By = Asker['by'];

async function measure(setting: Setting): Promise<void> {
  const { seconds, only } = setting;
  const kneeOf = async (by: By): Promise<number> => {
    await offer(setting, { name: `warm-up, ${by}`, by, perSecond: undefined, seconds: 5 });
    const knee = await offer(setting, { name: `knee, ${by}`, by, perSecond: undefined, seconds });
    return knee.perSecond;
  };
  const stubbornKnee = only === 'sdk' ? 0 : await kneeOf('stubborn');
  const sdkKnee = only === 'stubborn' ? 0 : await kneeOf('sdk');
  if (only !== 'stubborn') await over(setting, { by: 'sdk', knee: sdkKnee, times: 3, wantedShare: 0.7 });
  if (only === 'sdk') return;
  await over(setting, { by: 'stubborn', knee: stubbornKnee, times: 1.5, wantedShare: 0.6 });
  await over(setting, { by: 'stubborn', knee: stubbornKnee, times: 3, wantedShare: 0 });
}

interface Overload {
  readonly by: By;
  readonly knee: number;
  readonly times: number;
  /** Of the knee, as goodput. */
  readonly wantedShare: number;
}

async function over(setting: Setting, { by, knee, times, wantedShare }: Overload): Promise<void> {
  const usual = { by, perSecond: knee / 2 };
  const before = await offer(setting, { ...usual, name: 'half the knee', seconds: 5 });
  const { seconds } = setting;
  const [met, probed] = await Promise.all([
    offer(setting, { name: `${times} × the knee, ${by}`, by, perSecond: times * knee, seconds }),
    offer(setting, { name: '  probes', by: 'probe', perSecond: PROBES_PER_SECOND, seconds }),
  ]);
  const share = met.perSecond / knee;
  expectThat(
    share >= wantedShare,
    `goodput is ${percent(share)} of the knee, wanted ${percent(wantedShare)}`,
  );
  // The SDK waits as it is told before it gives up, and takes as long for a call as the service: its times are its own.
  if (by === 'stubborn') expectSoon(met, probed);
  const after = await offer(setting, {
    ...usual,
    name: 'half the knee again',
    seconds: RECOVERY_SECONDS + 5,
  });
  const p99Ms = p99(after.goodMs.filter(([atS]) => atS >= RECOVERY_SECONDS).map(([, ms]) => ms));
  const wantedMs = Math.max(10, before.p99Ms * 1.5);
  expectThat(p99Ms <= wantedMs, `p99 is ${p99Ms} ms after ${RECOVERY_SECONDS} s, wanted ${wantedMs}`);
}

function expectSoon(met: Summary, probed: Summary): void {
  for (const [whose, { refusedP99Ms }] of Object.entries({ refusals: met, 'those of probes': probed }))
    expectThat(
      refusedP99Ms <= REFUSED_WITHIN_MS,
      `${whose} come within ${refusedP99Ms} ms (p99), wanted ${REFUSED_WITHIN_MS}`,
    );
  const timedOut = met.timedOut + probed.timedOut;
  expectThat(timedOut === 0, `${timedOut} admitted calls timed out`);
}

interface Summary {
  /** Good answers. */
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly refusedP99Ms: number;
  readonly timedOut: number;
  readonly goodMs: Met['goodMs'];
}

async function offer({ curfew, clients }: Setting, phase: Phase): Promise<Summary> {
  const { name, by, perSecond, seconds } = phase;
  const asking = clients[by];
  const offered = { seconds, perSecond: perSecond === undefined ? undefined : perSecond / asking.length };
  const before = await usedBy(curfew);
  const mets = await Promise.all(
    asking.map(async (client) => {
      client.send(offered satisfies Offer);
      return (await wordOf(client)) as Met; // what it sends then
    }),
  );
  const after = await usedBy(curfew);
  const summary = summarise(mets, seconds);
  const used = { cpuMs: after.cpuMs - before.cpuMs, waitMs: after.waitMs - before.waitMs };
  print(name, mets, { ...summary, seconds, used });
  return summary;
}

interface Used {
  readonly cpuMs: number;
  /** How long it could have run and had no core. */
  readonly waitMs: number;
}

async function usedBy({ decisionPid }: CurfewServices): Promise<Used> {
  return { cpuMs: await cpuTimeMs(decisionPid()), waitMs: await coreWaitMs(decisionPid()) };
}

function summarise(mets: readonly Met[], seconds: number): Summary {
  const goodMs = mets.flatMap((met) => met.goodMs);
  return {
    perSecond: Math.round(count(mets, 'good') / seconds),
    p99Ms: p99(goodMs.map(([, ms]) => ms)),
    refusedP99Ms: p99(mets.flatMap(({ refusedMs }) => refusedMs)),
    timedOut: count(mets, 'timedOut'),
    goodMs,
  };
}

function count(mets: readonly Met[], result: Result): number {
  return mets.reduce((sum, { counts }) => sum + counts[result], 0);
}

interface Printed extends Summary {
  readonly seconds: number;
  readonly used: Used;
}

function print(name: string, mets: readonly Met[], printed: Printed): void {
  const { seconds, used, perSecond, p99Ms, refusedP99Ms, timedOut } = printed;
  const asked = mets.reduce((sum, met) => sum + met.asked, 0) - count(mets, 'unsent');
  const clientCpuMs = mets.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const lagMs = Math.max(...mets.map(({ lagP99Ms }) => lagP99Ms));
  const wrong = count(mets, 'wrong');
  const ofCore = (ms: number): string => percent(ms / seconds / 1_000);
  console.log(
    `${name.padEnd(24)} ${Math.round(asked / seconds)}/s asked  ${perSecond}/s good, p99 ${p99Ms} ms  ` +
      `${count(mets, 'refused')} refused, p99 ${refusedP99Ms} ms  ${timedOut} timed out  ${count(mets, 'unsent')} not sent  ` +
      `${count(mets, 'failed')} failed  ${wrong} wrong  (of a core: service ${ofCore(used.cpuMs)} and waited ${ofCore(used.waitMs)} for one, clients ${ofCore(clientCpuMs)}; clients' own lag p99 ${lagMs} ms)`,
  );
  if (wrong > 0) process.exitCode = 1;
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
