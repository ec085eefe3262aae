import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createCurfew } from '../../clients/sdk/index.ts';
import { type LeanConnection, openLean, type Outcome, TIMED_OUT } from './generator/lean-connection.ts';
import {
  type Asker,
  ASKERS,
  COMPANY,
  CONNECTIONS,
  type Met,
  type Offer,
  type Result,
  TIMEOUT_MS,
} from './overload-offer.ts';
import { grantIdOf } from './versus/bulk-grants.ts';
import { foundCompany } from './versus/company.ts';
import { curfewQuestions } from './versus/curfew-questions.ts';
import { grantOn, inTurn, pairAt } from './versus/granted.ts';

type Ask = (question: number, done: (result: Result) => void) => void;

/** Of a closed loop. */
const AT_ONCE = 32;
const AFTER_REFUSAL_MS = 50;
const MOST_UNDER_WAY = 200;
/** What the SDK opens to one address. */
const CONNECTIONS_OF_SDK = 2;

const asker = JSON.parse(process.argv[2] ?? '') as Asker; // written by `overload`
const company = foundCompany(COMPANY.policies, COMPANY.people);
const next = questionsOf(asker.turn);
const ask = asker.by === 'sdk' ? askBySdk(asker) : await askStubbornly(asker);
process.on('message', (offer: Offer) => void run(offer).then((met) => process.send?.(met)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

/** None twice, and none that another process asks: answers are to be worked out, not remembered. */
function questionsOf(turn: number): () => number {
  const all = inTurn(company);
  const skip = (count: number): void => {
    for (let skipped = 0; skipped < count; skipped += 1) all();
  };
  skip(turn);
  return () => {
    const question = all();
    skip(ASKERS - 1);
    return question;
  };
}

async function run({ perSecond, seconds }: Offer): Promise<Met> {
  const counts: Record<Result, number> = { good: 0, refused: 0, timedOut: 0, unsent: 0, wrong: 0, failed: 0 };
  const goodMs: [number, number][] = [];
  const refusedMs: number[] = [];
  const calls = { asked: 0, ended: 0 };
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1_000;
  const one = (then?: (result: Result) => void): void => {
    calls.asked += 1;
    const sentMs = performance.now();
    ask(next(), (result) => {
      const nowMs = performance.now();
      counts[result] += 1;
      if (result === 'good') goodMs.push([round((nowMs - startedMs) / 1_000), round(nowMs - sentMs)]);
      if (result === 'refused') refusedMs.push(round(nowMs - sentMs));
      calls.ended += 1;
      then?.(result);
    });
  };
  if (perSecond === undefined) {
    const again = (): void => {
      if (performance.now() < untilMs)
        one((result) => (result === 'good' ? again() : void setTimeout(again, AFTER_REFUSAL_MS)));
    };
    for (let index = 0; index < AT_ONCE; index += 1) again();
    await delay(seconds * 1_000);
  } else {
    for (let nowMs = performance.now(); nowMs < untilMs; nowMs = performance.now()) {
      const due = ((nowMs - startedMs) * perSecond) / 1_000;
      while (calls.asked < due) one();
      await delay(1);
    }
  }
  while (calls.ended < calls.asked) await delay(5);
  const { user, system } = process.cpuUsage(cpu);
  lag.disable();
  const lagP99Ms = round(lag.percentile(99) / 1e6);
  return { asked: calls.asked, counts, goodMs, refusedMs, lagP99Ms, cpuMs: (user + system) / 1_000 };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** By clients that wait as they are told. */
function askBySdk({ address, token }: Asker): Ask {
  const clients = Array.from({ length: CONNECTIONS / CONNECTIONS_OF_SDK }, () =>
    createCurfew({ decisionAddress: address, token, authorizeTimeoutMs: TIMEOUT_MS }),
  );
  const grants = new Map<string, string>();
  for (const { id } of company.people)
    for (const environment of company.environments)
      grants.set(`${id} ${environment}`, grantIdOf(grantOn(id, environment)));
  let turn = 0;
  const askOne = async (question: number): Promise<Result> => {
    const { person, database } = pairAt(company, question);
    turn = (turn + 1) % clients.length;
    const decision = await clients[turn]?.authorize({
      principal: { type: 'User', id: person.id },
      action: 'read',
      resource: { type: 'Database', id: database.id },
      context: { mfa: true },
    });
    if (decision === undefined) return 'failed';
    if (decision.effect !== 'error')
      return decision.answer.grantId === grants.get(`${person.id} ${database.environment}`)
        ? 'good'
        : 'wrong';
    const { code } = decision.error;
    return code === 'RESOURCE_EXHAUSTED' ? 'refused' : code === 'DEADLINE_EXCEEDED' ? 'timedOut' : 'failed';
  };
  return (question, done) => void askOne(question).then(done);
}

/** By clients that know nothing of waiting. */
async function askStubbornly({ address, token }: Asker): Promise<Ask> {
  const questions = curfewQuestions(company, token);
  const open = () => openLean({ address, path: questions.path, token, timeoutMs: TIMEOUT_MS });
  const opened: LeanConnection[] = [];
  for (let index = 0; index < CONNECTIONS; index += 1) opened.push(await open());
  const reopening = new Set<number>();
  let turn = 0;
  return (question, done) => {
    turn = (turn + 1) % CONNECTIONS;
    const at = turn;
    const connection = opened[at];
    if (connection === undefined || connection.open >= MOST_UNDER_WAY || reopening.has(at))
      return done('unsent');
    connection.ask(questions.message(question), (outcome: Outcome) => {
      const result = resultOf(outcome, (message) => questions.faultOf(question, message));
      done(result);
      if (result !== 'failed' || reopening.has(at)) return;
      // A service ends connections on which too many calls are given up.
      reopening.add(at);
      connection.close();
      void open().then((another) => {
        opened[at] = another;
        reopening.delete(at);
      });
    });
  };
}

function resultOf(outcome: Outcome, faultOf: (message: Buffer) => string | undefined): Result {
  if (outcome.kind === 'answer') return faultOf(outcome.message) === undefined ? 'good' : 'wrong';
  if (outcome.why === TIMED_OUT || outcome.why === 'grpc-status 4') return 'timedOut';
  return outcome.why === 'grpc-status 8' ? 'refused' : 'failed';
}
