import { AccessError } from '../../../core/access/access-error.ts';
import { type EntityUid, parseUidKey, uidKey } from '../../../core/access/entity.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import type { Replica } from '../../../core/replica/replica.ts';
import type { PlacedEvent } from '../../../core/store/ledger.ts';
import type { FollowedState } from '../followed-state.ts';
import { HEARTBEAT_MS, NAMED_BY_CHANGE, STALENESS_BOUND_MS, WATCHES, WATCHES_OF_CALLER } from '../limits.ts';
import { affectedBy, type Ties } from './affected.ts';
import { AskedForOthers } from './asked-for-others.ts';
import { Backlog } from './backlog.ts';
import type { Change } from './change.ts';
import { References } from './references.ts';

/** Works out once what each event of the ledger may change, and hands it to all who watch. */
export class Changes {
  readonly #state: FollowedState;
  readonly #ties: Ties;
  readonly #askedForOthers: AskedForOthers;
  /** By whose they are. */
  readonly #open = new Map<Backlog, string>();
  readonly #reminding: NodeJS.Timeout;
  #restarts = 0;
  #settledAtMs = 0;

  constructor(state: FollowedState) {
    this.#state = state;
    const { replica } = state;
    const references = new References();
    replica.directory.watch(references);
    this.#askedForOthers = new AskedForOthers(replica.grants);
    this.#ties = { directory: replica.directory, references, askedForOthers: this.#askedForOthers };
    replica.watch({
      applied: (placed, grant) => this.#hear(placed, grant),
      restarted: () => this.#restart(),
    });
    this.#reminding = setInterval(() => {
      for (const backlog of this.#open.keys()) backlog.remind();
    }, HEARTBEAT_MS);
  }

  /**
   * Whether the replica stands on the ledger that all others stand on. Where this one had to begin again, others may not have noticed
   * yet that the ledger is another one, and answer by revisions that mean something else; within S they do, or are stale.
   */
  get isSettled(): boolean {
    const { follower, clock } = this.#state;
    return follower.revision !== undefined && clock.look().monotonicMs >= this.#settledAtMs;
  }

  /** What changes from now on, for one client of this caller, until it is closed. @throws AccessError TOO_MUCH */
  open(caller: EntityUid): Backlog {
    const key = uidKey(caller);
    const own = [...this.#open.values()].filter((other) => other === key).length;
    if (own >= WATCHES_OF_CALLER || this.#open.size >= WATCHES) {
      const [limit, whose] =
        own >= WATCHES_OF_CALLER ? [WATCHES_OF_CALLER, ' of this caller'] : [WATCHES, ''];
      const message = `${limit} streams of changes${whose} are open here, wanted fewer; share one in a process, or watch another replica`;
      throw new AccessError('TOO_MUCH', message, { metadata: { limit: String(limit), unit: 'streams' } });
    }
    const backlog = new Backlog();
    this.#open.set(backlog, key);
    return backlog;
  }

  close(backlog: Backlog): void {
    this.#open.delete(backlog);
  }

  stop(): void {
    clearInterval(this.#reminding);
  }

  #restart(): void {
    const { clock } = this.#state;
    this.#restarts += 1;
    if (this.#restarts > 1) this.#settledAtMs = clock.look().monotonicMs + STALENESS_BOUND_MS;
    this.#askedForOthers.restart();
    for (const backlog of this.#open.keys()) backlog.end();
  }

  #hear({ revision, event }: PlacedEvent, grant: LiveGrant | undefined): void {
    if (event.kind === 'GRANT_STARTED') this.#askedForOthers.add({ ...event, id: event.grantId });
    if (event.kind === 'GRANT_ENDED' && grant !== undefined) this.#askedForOthers.remove(grant);
    if (this.#open.size === 0) return;
    const named = this.#namedBy(event, grant);
    if (named !== 'all' && named.size === 0) return;
    const change: Change = { revision, named, isOfGrants: event.kind.startsWith('GRANT_') };
    for (const backlog of this.#open.keys()) backlog.push(change);
  }

  #namedBy(event: LedgerEvent, grant: LiveGrant | undefined): Change['named'] {
    const { replica } = this.#state;
    switch (event.kind) {
      case 'GRANT_STARTED':
        return only(event.subject);
      case 'GRANT_OPENED':
      case 'GRANT_CLAIMED':
      case 'GRANT_USED':
      case 'GRANT_EXTENDED':
      case 'GRANT_ENDED':
        // One that is not here any more has permitted nothing for a while.
        return grant === undefined ? NOTHING : only(grant.subject);
      case 'ENTITIES_APPLIED':
        return affected(
          event.entities.map(({ uid }) => uid),
          replica,
          this.#ties,
        );
      case 'ENTITIES_DELETED':
        return affected(event.uids, replica, this.#ties);
      case 'LOCK_CREATED':
      case 'LOCK_LIFTED':
        return lockedBy(event.target, replica, this.#ties);
      case 'POLICY_ACTIVATED':
        return 'all';
      case 'REQUEST_SUBMITTED':
      case 'REQUEST_REVIEWED':
      case 'REQUEST_WITHDRAWN':
      case 'REVIEW_WITHDRAWN':
      case 'REVIEWERS_REMINDED':
      case 'BREAK_GLASS_REVIEWED':
      case 'ITEM_DENIED':
      case 'ITEM_EXPIRED':
        return NOTHING;
    }
  }
}

const NOTHING: Change['named'] = new Map();

function only(uid: EntityUid): Change['named'] {
  return new Map([[uidKey(uid), uid]]);
}

function affected(uids: readonly EntityUid[], { policies }: Replica, ties: Ties): Change['named'] {
  if (policies.kind !== 'ready') return 'all';
  return named(affectedBy(uids.map(uidKey), policies.engine.policies, ties));
}

function lockedBy(
  target: (LedgerEvent & { readonly kind: 'LOCK_CREATED' })['target'],
  { grants }: Replica,
  { directory }: Ties,
): Change['named'] {
  switch (target.kind) {
    case 'everything':
      return 'all';
    case 'grant': {
      const grant = grants.get(target.grantId);
      return grant === undefined ? NOTHING : only(grant.subject);
    }
    case 'entity':
      return named(directory.selfAndDescendants([uidKey(target.uid)], NAMED_BY_CHANGE));
  }
}

function named(keys: ReadonlySet<string> | undefined): Change['named'] {
  return keys === undefined ? 'all' : new Map([...keys].map((key) => [key, parseUidKey(key)]));
}
