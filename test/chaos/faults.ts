import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Replica } from './cluster.ts';
import { type History, nowMs } from './history.ts';
import { random, type Random } from './random.ts';

/** A way to break something and to mend it again. */
interface Trouble {
  readonly name: string;
  readonly replica?: string;
  /** Whether no poll of the replica can be answered between the two. */
  readonly isSilence: boolean;
  readonly holdMs: number;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
}

export type FaultKind = keyof typeof makers;

const HOUR_MS = 3_600_000;
const nothing = (): void => undefined;

const makers = {
  'kill-service': (cluster: Cluster, random: Random): Trouble => {
    const { name, process } = anyOf(cluster, random);
    return { name: 'kill -9', replica: name, isSilence: false, holdMs: 0, begin: process.kill, end: nothing };
  },
  'freeze-service': (cluster: Cluster, random: Random): Trouble => {
    const { name, process } = anyOf(cluster, random);
    const holdMs = random.between(200, 4_000);
    return {
      name: 'SIGSTOP',
      replica: name,
      isSilence: false,
      holdMs,
      begin: process.freeze,
      end: process.proceed,
    };
  },
  'kill-postgres': ({ postgres }: Cluster): Trouble => ({
    name: 'postgres kill -9',
    isSilence: false,
    holdMs: 0,
    begin: postgres.kill,
    end: postgres.start,
  }),
  'restart-postgres': ({ postgres }: Cluster, random: Random): Trouble => ({
    name: 'postgres restart',
    isSilence: false,
    holdMs: random.between(0, 1_000),
    begin: postgres.stop,
    end: postgres.start,
  }),
  'freeze-postgres': ({ postgres }: Cluster, random: Random): Trouble => ({
    name: 'postgres SIGSTOP',
    isSilence: true,
    holdMs: random.between(500, 4_000),
    begin: postgres.freeze,
    end: postgres.proceed,
  }),
  'kill-connections': ({ postgres }: Cluster): Trouble => ({
    name: 'connections ended',
    isSilence: false,
    holdMs: 0,
    begin: () => postgres.terminate('curfew-%'),
    end: nothing,
  }),
  'kill-listeners': ({ postgres }: Cluster): Trouble => ({
    name: 'listeners ended',
    isSilence: false,
    holdMs: 0,
    begin: () => postgres.terminate('curfew-doorbell'),
    end: nothing,
  }),
  'delay-link': (cluster: Cluster, random: Random): Trouble => {
    const { name, link } = anyOf(cluster, random);
    const delayMs = random.between(50, 600);
    return {
      name: `delay of ${delayMs} ms`,
      replica: name,
      isSilence: false,
      holdMs: random.between(500, 3_000),
      begin: () => link.delay(delayMs),
      end: link.mend,
    };
  },
  'cut-link': (cluster: Cluster, random: Random): Trouble => {
    const { name, link } = anyOf(cluster, random);
    return { name: 'cut', replica: name, isSilence: false, holdMs: 0, begin: link.cut, end: link.mend };
  },
  'hang-link': (cluster: Cluster, random: Random): Trouble => {
    const { name, link } = anyOf(cluster, random);
    const holdMs = random.between(500, 4_500);
    return { name: 'half-open', replica: name, isSilence: true, holdMs, begin: link.hang, end: link.mend };
  },
  'step-clock': (cluster: Cluster, random: Random): Trouble => {
    const { name, process } = anyOf(cluster, random);
    const offsetMs = random.pick([-HOUR_MS, -5_000, -700, 700, 5_000, HOUR_MS]);
    return {
      name: `clock ${offsetMs} ms`,
      replica: name,
      isSilence: false,
      holdMs: random.between(200, 3_000),
      begin: () => process.setClock(offsetMs),
      end: () => process.setClock(0),
    };
  },
};

/** Postgres is one hand's: it cannot be killed while it is being started. */
const POSTGRES_KINDS: ReadonlySet<FaultKind> = new Set([
  'kill-postgres',
  'restart-postgres',
  'freeze-postgres',
  'kill-connections',
  'kill-listeners',
]);

export const FAULT_KINDS = Object.keys(makers) as readonly FaultKind[]; // a literal's own keys

function anyOf({ grants, decisions }: Cluster, random: Random): Replica {
  return random.pick([grants[0], grants[1], decisions[0], decisions[1]]);
}

export interface Breaking {
  readonly cluster: Cluster;
  readonly history: History;
  readonly seed: number;
  /** None = nothing is broken. */
  readonly kinds: readonly FaultKind[];
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Two hands break things and mend them, one at Postgres and one at everything else, until the run ends. */
export async function breakThings(breaking: Breaking): Promise<void> {
  const hands = [
    breaking.kinds.filter((kind) => POSTGRES_KINDS.has(kind)),
    breaking.kinds.filter((kind) => !POSTGRES_KINDS.has(kind)),
  ];
  await Promise.all(
    hands.map((kinds, index) =>
      breakOneByOne({ ...breaking, kinds, random: random(breaking.seed * HANDS_SEED + index) }),
    ),
  );
}

const HANDS_SEED = 7_919;

interface Hand extends Breaking {
  readonly random: Random;
}

async function breakOneByOne({ cluster, history, random, kinds, signal, say }: Hand): Promise<void> {
  while (kinds.length > 0 && !signal.aborted) {
    await pause(random.between(300, 1_500));
    const trouble = makers[random.pick(kinds)](cluster, random);
    await trouble.begin();
    const fromMs = nowMs();
    await pause(trouble.holdMs);
    const toMs = nowMs();
    await trouble.end();
    const { name, replica, isSilence } = trouble;
    history.faults.push({ name, ...(replica === undefined ? {} : { replica }), isSilence, fromMs, toMs });
    say(`${(fromMs / 1_000).toFixed(1)} s  ${name}${replica === undefined ? '' : ` of ${replica}`}`);
  }
}
