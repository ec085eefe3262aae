import { verifyLedger } from '../../core/store/verify-ledger.ts';
import { askOnAndOn, hold } from './background.ts';
import { askInQuiet, settle } from './calm.ts';
import { checkAcknowledgements } from './checks/acknowledgements.ts';
import { checkDecisions } from './checks/decisions.ts';
import { playLedger } from './checks/lifecycle.ts';
import { checkTables } from './checks/tables.ts';
import type { Violation } from './checks/violation.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { breakThings, type FaultKind } from './faults.ts';
import type { History } from './history.ts';
import { readLedger } from './ledger-facts.ts';
import { live } from './lives.ts';
import { random } from './random.ts';
import { watchEnds } from './watch-it-end.ts';

export interface RunOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** What may be broken; each is done by two hands at once. */
  readonly kinds: readonly FaultKind[];
  readonly say: (text: string) => void;
}

export interface RunResult {
  readonly history: History;
  readonly revision: bigint;
  readonly violations: readonly Violation[];
  /** Where the logs of the services are, when something was wrong. */
  readonly directory: string | undefined;
}

/** People at once, each with one request at a time. */
const LIVES = 16;

/** Lets people work and breaks things under them, then mends everything, waits until it is calm, and checks what was seen. */
export async function run({ seed, durationMs, kinds, say }: RunOptions): Promise<RunResult> {
  await using cluster = await startCluster();
  const history: History = { changes: [], asked: [], faults: [] };
  const started = await settle(cluster);
  if (started.length > 0) return await conclude(cluster, history, started);
  const failure = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(durationMs), failure.signal]);
  const stage = (index: number) => ({ cluster, history, signal, random: random(seed * 1_000 + index) });
  const held = await hold(stage(0));
  const all = [
    ...Array.from({ length: LIVES }, (_, index) => live(stage(1 + index))),
    ...([0, 1] as const).map((index) => askOnAndOn(stage(100 + index), held, index)),
    ...[200, 201].map((index) => watchEnds(stage(index))),
    breakThings({ cluster, history, signal, seed, kinds, say }),
  ];
  // Who fails ends the run, and everybody is waited for before the cluster goes.
  for (const each of all) each.catch(() => failure.abort());
  await Promise.allSettled(all);
  await Promise.all(all);
  const unsettled = await settle(cluster);
  return await conclude(cluster, history, [...unsettled, ...(await askInQuiet(cluster, history))]);
}

async function conclude(
  cluster: Cluster,
  history: History,
  unsettled: readonly Violation[],
): Promise<RunResult> {
  const { database } = cluster;
  const ledger = await readLedger(database);
  const verdict = await verifyLedger(database, 1n);
  const { lives, violations } = playLedger(ledger.events);
  const all = [
    ...unsettled,
    ...verdict.faults.map((fault) => ({
      invariant: 'I10',
      what: `revision ${fault.revision}: ${fault.description}`,
    })),
    ...violations,
    ...(await checkTables(database, lives)),
    ...checkAcknowledgements(history, ledger),
    ...checkDecisions(history, ledger),
  ];
  if (all.length > 0) cluster.keep();
  const directory = all.length > 0 ? cluster.directory : undefined;
  return { history, revision: verdict.lastRevision, violations: all, directory };
}
