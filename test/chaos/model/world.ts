import { rm } from 'node:fs/promises';
import pg from 'pg';
import type { Engine } from '../../../core/policy/engine.ts';
import { authorize, type DecisionContext } from '../../../services/decision/authorize.ts';
import type { FollowedState } from '../../../services/decision/followed-state.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { copyDomain, WARDEN } from './domain.ts';
import { decisionOf } from './decision-side.ts';
import { action, MINUTE_MS, robot, user } from './entities.ts';
import { unlock } from './grant-calls.ts';
import { loadLesser } from './lesser-rules.ts';
import { type Memories, readMemories } from './memories.ts';
import { makeClockMovable } from './movable-clock.ts';
import { openSides, type Sides } from './sides.ts';

interface Opened {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly owner: pg.Client;
  readonly lesser: ReadonlyMap<string, Engine>;
}

/** The real side: what the services do, their Postgres, and its clock, which can be moved. */
export class World implements AsyncDisposable {
  readonly #database: TestDatabase;
  readonly #sides: Sides;
  readonly #decision: DecisionContext;
  readonly #folder: string;
  /** Kept open, for the clock is moved often. */
  readonly #owner: pg.Client;
  /** Engines of policies that let people do less. */
  readonly lesser: ReadonlyMap<string, Engine>;

  private constructor(sides: Sides, { database, folder, owner, lesser }: Opened) {
    this.#sides = sides;
    this.#database = database;
    this.#folder = folder;
    this.#owner = owner;
    this.lesser = lesser;
    this.#decision = decisionOf(sides);
  }

  static async open(): Promise<World> {
    const database = await createDatabase();
    await makeClockMovable(database);
    const folder = await copyDomain();
    const lesser = await loadLesser(folder);
    const sides = await openSides(database, folder);
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    return new World(sides, { database, folder, owner, lesser });
  }

  /** The grant service's. */
  get context(): GrantContext {
    return this.#sides.grant;
  }

  /** What the decision service has in memory. */
  get followed(): FollowedState {
    return this.#decision.followed;
  }

  async query<T extends object>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    return (await this.#owner.query<T & pg.QueryResultRow>(sql, [...parameters])).rows;
  }

  /** When it will be so many minutes later. */
  in(minutes: number): Date {
    return new Date(this.context.followed.clock.now().getTime() + minutes * MINUTE_MS);
  }

  /** Moves the database's clock on, and waits until both services have seen it. */
  async pass(minutes: number): Promise<void> {
    await this.query("UPDATE shifted.shift SET by = by + $1 * interval '1 minute'", [minutes]);
    await Promise.all(
      [this.context.followed, this.#decision.followed].map(({ follower }) => lookTwice(follower)),
    );
  }

  /** Does what a job does. */
  async does(job: (context: GrantContext, signal: AbortSignal) => Promise<void>): Promise<void> {
    await job(this.context, new AbortController().signal);
  }

  /** Whomever it stops: somebody lifts it who may. */
  async liftAll(): Promise<void> {
    const standing = await this.query<{ id: string }>(
      'SELECT id FROM locks WHERE lifted_at IS NULL AND expires_at IS NULL',
    );
    for (const { id } of standing) await unlock(this.context, WARDEN, id);
  }

  /** Whether the person may read it now; a use of what counts uses unless it is a rehearsal. */
  async mayRead(id: string, resource: string, use: { readonly useId?: string } = {}): Promise<boolean> {
    await this.#lookedJustNow();
    const revision = this.context.followed.replica.revision;
    const asking = { caller: robot, authorization: undefined, signal: new AbortController().signal };
    const answer = await authorize(this.#decision, asking, {
      principal: user(id),
      action: action('read'),
      resource: { type: 'Database', id: resource },
      context: new Map(),
      entities: [],
      atLeastRevision: revision,
      explain: false,
      dryRun: use.useId === undefined,
      useId: use.useId ?? '',
      prefix: '',
    });
    return answer.settled.effect === 'ALLOW';
  }

  /** On a busy machine the last look may be too old to decide by. */
  async #lookedJustNow(): Promise<void> {
    const { clock, follower } = this.#decision.followed;
    while (momentOf(clock, 0).freshness !== 'fresh') await lookTwice(follower);
  }

  /** What each service has in memory, and what the tables say at the same revision. */
  async memories(): Promise<Memories> {
    return await readMemories(this.context.database, [this.context.followed, this.#decision.followed]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owner.end();
    await this.#sides[Symbol.asyncDispose]();
    await this.#database.drop();
    await rm(this.#folder, { recursive: true });
  }
}

/** The first look may have begun before the clock was moved. */
async function lookTwice(follower: FollowedState['follower']): Promise<void> {
  for (const _ of [1, 2]) {
    follower.ring();
    if (!(await follower.lookAgain(10_000))) throw new Error('the ledger was not looked at in ten seconds');
  }
}
