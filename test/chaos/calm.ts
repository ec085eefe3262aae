import { setTimeout as pause } from 'node:timers/promises';
import type { Violation } from './checks/violation.ts';
import { type Cluster, type DecisionReplica, PEOPLE } from './cluster.ts';
import { type History, nowMs } from './history.ts';
import { ask } from './questions.ts';

/** A process that was just killed starts anew, on a busy machine. */
const START_MS = 60_000;
/** S_catchup: how soon a replica that runs has read the ledger to its end. */
const CATCH_UP_MS = 5_000;
/** Longer than S, without a change: whoever lives by the doorbell alone is stale by then. */
const QUIET_MS = 2_500;
const LOOK_MS = 50;

/** Waits until everything runs and has read the ledger to its end. What does not though nothing is broken is a violation. */
export async function settle(cluster: Cluster): Promise<Violation[]> {
  const wrong: Violation[] = [];
  const expect = async (what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> => {
    if (!(await within(withinMs, holds)))
      wrong.push({ invariant: 'I15', what: `not within ${withinMs} ms: ${what}` });
  };
  for (const [index, replica] of cluster.grants.entries())
    await expect(`${replica.name} answers`, START_MS, () => answersList(cluster, index));
  for (const replica of cluster.decisions)
    await expect(`${replica.name} serves`, START_MS, async () => (await replica.ask.getStatus({})).ready);
  const head = await headOf(cluster.database);
  for (const replica of cluster.decisions)
    await expect(
      `${replica.name} is at ${head}`,
      CATCH_UP_MS,
      async () => (await replica.ask.getStatus({})).revision >= head,
    );
  return wrong;
}

/** Lets a quiet time pass, then asks both replicas about everybody: none may be without an answer. */
export async function askInQuiet({ database, decisions }: Cluster, history: History): Promise<Violation[]> {
  // What time has ended is written down, which is a change: it must come to rest.
  for (let [before, head] = [-1n, await headOf(database)]; before !== head; ) {
    await pause(QUIET_MS);
    [before, head] = [head, await headOf(database)];
  }
  const wrong: Violation[] = [];
  for (const replica of decisions) wrong.push(...(await askAboutAll(history, replica)));
  return wrong;
}

async function headOf(database: Cluster['database']): Promise<bigint> {
  const { revision } = await database.selectFrom('ledger_head').select('revision').executeTakeFirstOrThrow();
  return revision;
}

async function answersList(cluster: Cluster, grant: number): Promise<boolean> {
  await cluster.as(PEOPLE.admin, grant).grants.listGrants({ pageSize: 1 });
  return true;
}

async function within(ms: number, holds: () => Promise<boolean>): Promise<boolean> {
  const untilMs = nowMs() + ms;
  for (;;) {
    // What cannot be asked does not hold yet.
    if (await holds().catch(() => false)) return true;
    if (nowMs() > untilMs) return false;
    await pause(LOOK_MS);
  }
}

async function askAboutAll(history: History, replica: DecisionReplica): Promise<Violation[]> {
  const wrong: Violation[] = [];
  for (const principal of PEOPLE.requesters)
    for (const [action, resource] of QUESTIONS) {
      const answer = await ask(history, replica, { principal, action, resource });
      if (answer.kind === 'error')
        wrong.push({
          invariant: 'I15',
          what: `${replica.name} has no answer though nothing is broken: ${answer.reason}`,
        });
    }
  return wrong;
}

const QUESTIONS: readonly (readonly [action: string, resource: string])[] = [
  ...['test0', 'test1'].map((name) => ['read', name] as const),
  ...['read', 'write', 'drop'].flatMap((action) =>
    Array.from({ length: 6 }, (_, index) => [action, `prod${index}`] as const),
  ),
];
