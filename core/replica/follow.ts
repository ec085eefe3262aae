import { createNoopMeter, type Meter } from '@opentelemetry/api';
import { DatabaseClock, type MachineClock, machineClock } from '../feed/database-clock.ts';
import { Follower, type FollowerLog } from '../feed/follower.ts';
import { QueueAlarm } from '../feed/queue-alarm.ts';
import { loadPolicies } from '../policy/load.ts';
import { type AskedBefore, RecentQuestions } from '../policy/self-check/recent-questions.ts';
import { connect, type Database } from '../store/connect.ts';
import { listenForAppends } from '../store/doorbell.ts';
import { readNotificationQueueUsage } from '../store/notification-queue.ts';
import { countPolicies, observeReplica } from './observe-replica.ts';
import { type LoadedPolicies, loadInForce } from './policies.ts';
import { Replica } from './replica.ts';

export interface FollowOptions {
  readonly databaseUrl: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly log: FollowerLog;
  readonly machine?: MachineClock;
  readonly pollMs?: number;
  /** How often it does what is not urgent: 30,000 unless said. */
  readonly tidyMs?: number;
  /** Where it is shown how far the replica is; nowhere unless given. */
  readonly meter?: Meter;
  /** Replaced only to test what becomes of sets that it refuses. */
  readonly loadPolicies?: typeof loadPolicies;
}

/** A replica that follows the ledger. */
export interface Followed {
  readonly replica: Replica;
  readonly follower: Follower;
  readonly clock: DatabaseClock;
  /** What this process puts in force it need not examine again: sets by digest, taken when the ledger names them. */
  readonly loadedPolicies: LoadedPolicies;
  /** The last different questions that engines of this process were asked, for the self-check of other sets. */
  readonly askedBefore: () => readonly AskedBefore[];
  close(): Promise<void>;
}

const POLL_MS = 250;
const QUERY_TIMEOUT_MS = 1_000;
const BATCH = 500;
const TIDY_MS = 30_000;

/** Starts to follow the ledger, on connections of its own. Returns at once; `follower.revision` tells when it has caught up. */
export function follow(options: FollowOptions): Followed {
  const { databaseUrl, log, name, meter = createNoopMeter() } = options;
  const onConnectionLost = (error: Error): void =>
    log.error({ err: error }, 'a database connection was lost');
  const database = connect({
    url: databaseUrl,
    name,
    poolSize: 1,
    statementTimeoutMs: QUERY_TIMEOUT_MS,
    onConnectionLost,
  });
  const clock = new DatabaseClock(options.machine ?? machineClock);
  const { replica, loadedPolicies, askedBefore } = createReplica(database, options);
  const follower = new Follower({
    database,
    sink: replica,
    clock,
    log,
    pollMs: options.pollMs ?? POLL_MS,
    batch: BATCH,
  });
  const bell = listenForAppends(databaseUrl, () => follower.ring());
  const tidying = keepTidy({ replica, clock, database, log }, options.tidyMs ?? TIDY_MS);
  observeReplica(meter, { replica, follower, clock });
  follower.start();
  return {
    replica,
    follower,
    clock,
    loadedPolicies,
    askedBefore,
    close: async () => {
      clearInterval(tidying);
      bell.close();
      await follower.close();
      await database.destroy();
    },
  };
}

/** A replica that loads policy sets from the database, and remembers what their engines were asked. */
function createReplica(database: Database, { log, meter = createNoopMeter(), ...options }: FollowOptions) {
  const loadedPolicies: LoadedPolicies = new Map();
  const recent = new RecentQuestions();
  const askedBefore = (): readonly AskedBefore[] => recent.distinct((uid) => replica.directory.get(uid));
  const loading = {
    database,
    log,
    loaded: loadedPolicies,
    counts: countPolicies(meter),
    askedBefore,
    onAsked: recent.note,
    loadPolicies: options.loadPolicies ?? loadPolicies,
  };
  const replica: Replica = new Replica((digest, files) => loadInForce(digest, loading, files));
  return { replica, loadedPolicies, askedBefore };
}

interface Untidy extends Pick<Followed, 'replica' | 'clock'> {
  readonly database: Database;
  readonly log: FollowerLog;
}

/** Does what is not urgent, every so often. */
function keepTidy({ replica, clock, database, log }: Untidy, everyMs: number): NodeJS.Timeout {
  const queueAlarm = new QueueAlarm(log);
  return setInterval(() => {
    prune(replica, clock);
    replica
      .retryPolicies()
      .catch((error: unknown) => log.error({ err: error }, 'policies could not be loaded'));
    readNotificationQueueUsage(database).then(
      (usage) => queueAlarm.see(usage),
      () => undefined, // the polls report what is wrong with the database
    );
  }, everyMs);
}

function prune(replica: Replica, clock: DatabaseClock): void {
  const early = clock.early();
  if (early === undefined) return;
  const before = new Date(early.getTime() - TIDY_MS);
  replica.grants.prune(before);
  replica.locks.prune(before);
}
