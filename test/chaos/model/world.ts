import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { EntityUid, Value } from '../../../core/access/entity.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { LiveState } from '../../../core/access/grant.ts';
import type { EndReason, Verdict } from '../../../core/access/event.ts';
import { standingOf } from '../../../core/access/grant.ts';
import { type ItemState, itemStateAt } from '../../../core/access/request.ts';
import { readGrant } from '../../../core/store/grants.ts';
import { readRequest } from '../../../core/store/requests.ts';
import { authorize, type DecisionContext } from '../../../services/decision/authorize.ts';
import { activateGrant } from '../../../services/grant/activate-grant.ts';
import { applyEntities } from '../../../services/grant/apply-entities.ts';
import { createLock } from '../../../services/grant/create-lock.ts';
import { deleteLock } from '../../../services/grant/delete-lock.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { releaseGrant, revokeGrant } from '../../../services/grant/end-grant.ts';
import { askToExtend } from '../../../services/grant/extend-grant.ts';
import { requestAccess } from '../../../services/grant/request-access.ts';
import { reviewAccessRequest } from '../../../services/grant/review-access-request.ts';
import { withdrawAccessRequest } from '../../../services/grant/withdraw-access-request.ts';
import { withdrawReview } from '../../../services/grant/withdraw-review.ts';
import { createDatabase } from '../../support/postgres.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { copyDomain, WARDEN } from './domain.ts';
import { decisionOf, robot } from './decision-side.ts';
import { type Memories, readMemories } from './memories.ts';
import { makeClockMovable } from './movable-clock.ts';

export const user = (id: string): EntityUid => ({ type: 'User', id });
const action = (id: string): EntityUid => ({ type: 'Action', id });
const MINUTE_MS = 60_000;

/** What is asked for. */
export interface Wish {
  readonly by: string;
  readonly subject: string;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly minutes: number;
  readonly startsAt: Date | undefined;
  readonly isBreakGlass: boolean;
  readonly reason: string;
}

/** What a request shows. */
export interface SeenRequest {
  readonly state: ItemState;
  readonly grantId: string | undefined;
}

/** What a grant shows. */
export interface SeenGrant {
  readonly state: LiveState | 'ENDED';
  readonly endReason: EndReason | undefined;
  readonly actions: readonly string[];
  readonly minutes: number;
  readonly usesLeft: number | undefined;
  readonly extensions: number;
}

/** The real side: services, their Postgres, and its clock, which can be moved. */
export class World implements AsyncDisposable {
  readonly #stack: Stack;
  readonly #decision: DecisionContext;
  readonly #folder: string;

  private constructor(stack: Stack, folder: string) {
    this.#stack = stack;
    this.#folder = folder;
    this.#decision = decisionOf(stack);
  }

  static async open(): Promise<World> {
    const database = await createDatabase();
    await makeClockMovable(database);
    const folder = await copyDomain();
    return new World(await startStack({ policies: folder, database }), folder);
  }

  get #context() {
    return this.#stack.grant.context;
  }

  async query<T extends object>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    return await this.#stack.query<T>(sql, parameters);
  }

  /** When it will be so many minutes later. */
  in(minutes: number): Date {
    return new Date(this.#context.followed.clock.now().getTime() + minutes * MINUTE_MS);
  }

  /** Moves the database's clock on, and waits until both services have seen it. */
  async pass(minutes: number): Promise<void> {
    await this.query("UPDATE shifted.shift SET by = by + $1 * interval '1 minute'", [minutes]);
    await Promise.all(
      [this.#context.followed, this.#decision.followed].map(({ follower }) => lookTwice(follower)),
    );
  }

  /** Does what a job does. */
  async does(job: (context: GrantContext, signal: AbortSignal) => Promise<void>): Promise<void> {
    await job(this.#context, new AbortController().signal);
  }

  /** The id of the request. */
  async ask(wish: Wish, key?: string): Promise<string> {
    const bodyHash = createHash('sha256').update(JSON.stringify(wish)).digest();
    const callKey = key === undefined ? undefined : { key, bodyHash };
    const { by, subject, resource, actions, minutes, startsAt, isBreakGlass, reason } = wish;
    const asked = {
      id: randomUUID(),
      requester: user(by),
      subject: user(subject),
      reason,
      ticket: '',
      durationMs: minutes * MINUTE_MS,
      startsAt,
      breakGlass: isBreakGlass,
      extends: undefined,
      items: [
        { resource: { type: 'Database', id: resource }, actions: actions.map(action), workflow: undefined },
      ],
    };
    return (await requestAccess(this.#context, asked, { callKey })).result.request.id;
  }

  /** The lock's id. */
  async lock(by: string, target: LockTarget, minutes: number | undefined): Promise<string> {
    const durationMs = minutes === undefined ? undefined : minutes * MINUTE_MS;
    const asked = { target, caller: user(by), reason: 'to be sure', durationMs };
    return (await createLock(this.#context, asked)).result.id;
  }

  /** Whoever it stops: the owner of the database sees to it. */
  async liftAll(): Promise<void> {
    const standing = await this.query<{ id: string }>(
      'SELECT id FROM locks WHERE lifted_at IS NULL AND expires_at IS NULL',
    );
    for (const { id } of standing) {
      const lift = { id, caller: user(WARDEN), reason: 'all is well' };
      await deleteLock(this.#context, lift);
    }
  }

  async unlock(by: string, id: string): Promise<void> {
    await deleteLock(this.#context, { id, caller: user(by), reason: 'all is well' });
  }

  async vote(
    by: string,
    requestId: string,
    vote: {
      readonly verdict: Verdict;
      readonly actions?: readonly string[] | undefined;
      readonly minutes?: number | undefined;
    },
  ): Promise<void> {
    const request = await readRequest(this.#context.database, requestId);
    if (request === undefined) throw new Error(`request ${requestId} is gone`);
    const { verdict, actions, minutes } = vote;
    const isNarrow = actions !== undefined || minutes !== undefined;
    await reviewAccessRequest(this.#context, {
      requestId,
      reviewer: user(by),
      signIn: undefined,
      verdict,
      comment: 'seen',
      requestHash: request.requestHash,
      items: [],
      narrowing: isNarrow
        ? [
            {
              item: 0,
              actions: actions?.map(action),
              durationMs: minutes === undefined ? undefined : minutes * MINUTE_MS,
            },
          ]
        : [],
    });
  }

  async takeBack(by: string, requestId: string): Promise<void> {
    await withdrawReview(this.#context, { requestId, reviewer: user(by), items: [] });
  }

  async withdraw(by: string, requestId: string): Promise<void> {
    await withdrawAccessRequest(this.#context, requestId, user(by));
  }

  async release(by: string, grantId: string): Promise<void> {
    await releaseGrant(this.#context, grantId, user(by));
  }

  async revoke(by: string, grantId: string): Promise<void> {
    await revokeGrant(this.#context, grantId, { caller: user(by), reason: 'enough' });
  }

  async activate(by: string, grantId: string): Promise<void> {
    await activateGrant(this.#context, grantId, user(by));
  }

  /** The request for the extension. */
  async extend(
    by: string,
    grantId: string,
    { minutes, reason }: { readonly minutes: number; readonly reason: string },
  ): Promise<string> {
    const asked = { grantId, caller: user(by), reason, ticket: '', durationMs: minutes * MINUTE_MS };
    const call = { callKey: undefined, signal: new AbortController().signal };
    return (await askToExtend(this.#context, asked, call)).result.id;
  }

  /** Puts the person into these groups and no others. */
  async move(id: string, groups: readonly string[]): Promise<void> {
    const parents = groups.map((group) => ({ type: 'Group', id: group }));
    const entity = { uid: user(id), attributes: new Map(), parents, tags: new Map() };
    await applyEntities(this.#context, user('root'), { entities: [entity], allowReuse: false });
  }

  /** New databases, each in the environment of its workflow. */
  async build(databases: readonly { readonly id: string; readonly environment: string }[]): Promise<void> {
    const owners: Value = {
      kind: 'set',
      values: ['bob', 'cy'].map((id) => ({ kind: 'entity', uid: user(id) })),
    };
    const entities = databases.map(({ id, environment }) => ({
      uid: { type: 'Database', id },
      attributes: new Map([['owners', owners]]),
      parents: [{ type: 'Environment', id: environment }],
      tags: new Map(),
    }));
    await applyEntities(this.#context, user('root'), { entities, allowReuse: false });
  }

  /** Whether the person may read it now; a use of what counts uses unless it is a rehearsal. */
  async mayRead(id: string, resource: string, use: { readonly useId?: string } = {}): Promise<boolean> {
    const revision = this.#context.followed.replica.revision;
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
    return answer.effect === 'ALLOW';
  }

  async request(id: string): Promise<SeenRequest> {
    const request = await readRequest(this.#context.database, id);
    const [item] = request?.items ?? [];
    if (item === undefined) throw new Error(`request ${id} is gone`);
    return { state: itemStateAt(item, this.#context.followed.clock.now()), grantId: item.grantId };
  }

  async grant(id: string): Promise<SeenGrant> {
    const row = await readGrant(this.#context.database, id);
    if (row === undefined) throw new Error(`grant ${id} is gone`);
    const { grant, recorded } = row;
    const standing = standingOf(recorded, grant, this.#context.followed.clock.now());
    const isWaiting =
      standing.state === 'CLAIMABLE' || (standing.state === 'ENDED' && standing.endReason === 'UNCLAIMED');
    return {
      state: standing.state,
      endReason: standing.state === 'ENDED' ? standing.endReason : undefined,
      actions: grant.actions.map(({ id: name }) => name).toSorted(),
      minutes: Math.round(
        (isWaiting ? grant.durationMs : grant.expiresAt.getTime() - grant.startsAt.getTime()) / MINUTE_MS,
      ),
      usesLeft: grant.usesLeft,
      extensions: grant.extensions,
    };
  }

  /** What each service has in memory, and what the tables say at the same revision. */
  async memories(): Promise<Memories> {
    return await readMemories(this.#context.database, [this.#context.followed, this.#decision.followed]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}

/** The first look may have begun before the clock was moved. */
async function lookTwice(follower: Stack['grant']['context']['followed']['follower']): Promise<void> {
  for (const _ of [1, 2]) {
    follower.ring();
    if (!(await follower.lookAgain(10_000))) throw new Error('the ledger was not looked at in ten seconds');
  }
}
