import { AccessError } from '../access/access-error.ts';
import { Directory } from '../access/directory.ts';
import { parseEntities } from '../access/entity-json.ts';
import { changesBasis, type EventOfKind, type LedgerEvent } from '../access/event.ts';
import type { LiveGrant } from '../access/grant.ts';
import type { Lock } from '../access/lock.ts';
import { GrantIndex } from '../access/grant-index.ts';
import { LockIndex } from '../access/lock-index.ts';
import { GRANT_MOVES } from '../access/states.ts';
import type { Sink } from '../feed/follower.ts';
import type { Engine } from '../policy/engine.ts';
import type { PlacedEvent, Snapshot } from '../store/ledger.ts';
import type { StoredFiles } from '../store/policy-sets.ts';
import type { LoadedSet, Policies } from './policies.ts';

/** Loads a policy set that the ledger names; of files that have been read, or of those that the database has. */
export type PolicyLoader = (digest: string, files?: StoredFiles) => Promise<LoadedSet>;

/** Told of every change when it is made, before anybody reads what it made. */
export interface ReplicaWatcher {
  /** @param grant the one that the event is about, as it was before */
  readonly applied: (placed: PlacedEvent, grant: LiveGrant | undefined) => void;
  /** Nothing need be as it was. */
  readonly restarted: () => void;
}

/**
 * What the ledger comes to, in memory: directory, live grants, locks and the policy set in force, all of one revision. Between two
 * awaits it does not change, so whoever reads it without giving way sees one instant.
 */
export class Replica implements Sink {
  readonly directory = new Directory();
  readonly grants = new GrantIndex();
  readonly locks = new LockIndex();
  readonly #loadPolicies: PolicyLoader;
  readonly #watchers: ReplicaWatcher[] = [];
  #policies: Policies = { kind: 'none' };
  /** Being loaded for a snapshot that is being read. */
  #coming: { readonly digest: string; readonly policies: Promise<Policies> } | undefined;
  #revision = 0n;
  #basisRevision = 0n;
  #generation = 0;

  constructor(loadPolicies: PolicyLoader) {
    this.#loadPolicies = loadPolicies;
  }

  /** Tells the watcher of all that changes from now on, for as long as the replica lives. */
  watch(watcher: ReplicaWatcher): void {
    this.#watchers.push(watcher);
  }

  get revision(): bigint {
    return this.#revision;
  }

  /** The last revision that changed the directory, the policies or the locks. */
  get basisRevision(): bigint {
    return this.#basisRevision;
  }

  /** Another number after every change of directory or policies, and after each start from a snapshot: what was worked out from them holds while it stays. */
  get generation(): number {
    return this.#generation;
  }

  get policies(): Policies {
    return this.#policies;
  }

  /** The engine of the set in force. @throws AccessError POLICIES_MISSING, EVALUATION_FAILED */
  get engine(): Engine {
    const policies = this.#policies;
    if (policies.kind === 'ready') return policies.engine;
    if (policies.kind === 'none') {
      throw new AccessError(
        'POLICIES_MISSING',
        'no policy set is in force yet: start the grant service with CURFEW_POLICIES',
      );
    }
    throw new AccessError(
      'EVALUATION_FAILED',
      `the policy set in force cannot be loaded here: ${policies.digest}`,
    );
  }

  /** Begins to load the set, which takes as long as to read many grants does. */
  prepare(digest: string, files: StoredFiles): void {
    // The snapshot before this one may have failed meanwhile.
    if (this.#coming?.digest === digest) return;
    const coming = { digest, policies: this.#policiesOf(digest, { files }) };
    this.#coming = coming;
    // Told by whoever awaits it as well; the next snapshot tries anew.
    coming.policies.catch(() => {
      if (this.#coming === coming) this.#coming = undefined;
    });
  }

  async reset(snapshot: Snapshot): Promise<void> {
    const coming = this.#coming;
    this.#coming = undefined;
    const policies = await (coming !== undefined && coming.digest === snapshot.policyDigest
      ? coming.policies
      : this.#policiesOf(snapshot.policyDigest));
    this.directory.clear();
    this.locks.clear();
    for (const entity of snapshot.entities) this.directory.apply(entity);
    this.grants.reset(snapshot.grants);
    for (const lock of snapshot.locks) this.locks.add(lock);
    this.#policies = policies;
    this.#revision = snapshot.revision;
    this.#basisRevision = snapshot.basisRevision;
    this.#generation += 1;
    for (const watcher of this.#watchers) watcher.restarted();
  }

  /**
   * Takes the next event; one that has been taken already changes nothing.
   * @throws Error when events before it are missing, or when its text was erased: start from a snapshot
   */
  async apply(placed: PlacedEvent): Promise<void> {
    if (placed.revision <= this.#revision) return;
    if (placed.revision !== this.#revision + 1n)
      throw new Error(`revision ${placed.revision} cannot follow ${this.#revision}: events are missing`);
    const { event } = placed;
    const grant = 'grantId' in event ? this.grants.get(event.grantId ?? '') : undefined;
    if (event.kind === 'POLICY_ACTIVATED')
      this.#policies = await this.#policiesOf(event.digest, { isNamedAnew: true });
    else this.#fold(event);
    this.#revision = placed.revision;
    if (changesBasis(event.kind)) {
      this.#basisRevision = placed.revision;
      if (event.kind !== 'LOCK_CREATED' && event.kind !== 'LOCK_LIFTED') this.#generation += 1;
    }
    for (const watcher of this.#watchers) watcher.applied(placed, grant);
  }

  /** Tries once more to load a set that could not be loaded: what stopped it may have been this machine, not the set. */
  async retryPolicies(): Promise<void> {
    const before = this.#policies;
    if (before.kind !== 'failed') return;
    const policies = this.#used(await this.#loadPolicies(before.digest));
    // Meanwhile another set may have come in force.
    if (this.#policies !== before) return;
    this.#policies = policies;
    this.#generation += 1;
    for (const watcher of this.#watchers) watcher.restarted();
  }

  async #policiesOf(
    digest: string | undefined,
    { files, isNamedAnew = false }: PoliciesOf = {},
  ): Promise<Policies> {
    if (digest === undefined) return { kind: 'none' };
    const known = this.#policies;
    if (known.kind === 'ready' && known.digest === digest) return withoutRefused(known);
    // A new start is no reason to try what was refused: only that the ledger names it anew.
    if (known.kind === 'ready' && known.refused?.digest === digest && !isNamedAnew) return known;
    return this.#used(await this.#loadPolicies(digest, files));
  }

  /** In the place of a set that was refused, the one before. */
  #used(loaded: LoadedSet): Policies {
    if (loaded.kind !== 'refused') return loaded;
    const { digest, why } = loaded;
    const before = this.#policies;
    return before.kind === 'ready'
      ? { ...before, refused: { digest, why } }
      : { kind: 'failed', digest, why };
  }

  #fold(event: LedgerEvent): void {
    switch (event.kind) {
      case 'GRANT_STARTED':
        return this.grants.add(grantOf(event));
      case 'GRANT_OPENED':
        return this.grants.change(event.grantId, { state: GRANT_MOVES.GRANT_OPENED.to });
      case 'GRANT_CLAIMED': {
        const { grantId, startsAt, expiresAt } = event;
        return this.grants.change(grantId, { state: GRANT_MOVES.GRANT_CLAIMED.to, startsAt, expiresAt });
      }
      case 'GRANT_USED':
        return this.grants.change(event.grantId, { usesLeft: event.usesLeft });
      case 'GRANT_EXTENDED': {
        const { grantId, expiresAt, extension } = event;
        return this.grants.change(grantId, { expiresAt, extensions: extension });
      }
      case 'GRANT_ENDED':
        // One that is used up still answers for the calls that used it.
        return event.endReason === 'EXHAUSTED' ? undefined : this.grants.remove(event.grantId);
      case 'ENTITIES_APPLIED':
        for (const entity of parseEntities(textOf(event))) this.directory.apply(entity);
        return;
      case 'ENTITIES_DELETED':
        for (const uid of event.uids) this.directory.remove(uid);
        return;
      case 'LOCK_CREATED':
        return this.locks.add(lockOf(event));
      case 'LOCK_LIFTED':
        return this.locks.remove(event.lockId);
      case 'REQUEST_SUBMITTED':
      case 'REQUEST_REVIEWED':
      case 'REQUEST_WITHDRAWN':
      case 'REVIEW_WITHDRAWN':
      case 'REVIEWERS_REMINDED':
      case 'BREAK_GLASS_REVIEWED':
      case 'ITEM_DENIED':
      case 'ITEM_EXPIRED':
      case 'POLICY_ACTIVATED':
        return;
    }
  }
}

interface PoliciesOf {
  /** Those of the set, when they have been read. */
  readonly files?: StoredFiles | undefined;
  /** Whether the ledger has just named it. */
  readonly isNamedAnew?: boolean;
}

function withoutRefused({ kind, digest, engine }: Policies & { readonly kind: 'ready' }): Policies {
  return { kind, digest, engine };
}

/** An event read back after its text was erased lacks what its type promises. */
function textOf(event: { readonly kind: string; readonly text?: string }): string {
  if (event.text === undefined)
    throw new Error(`the text of ${event.kind} was erased: start from a snapshot`);
  return event.text;
}

function lockOf(event: EventOfKind<'LOCK_CREATED'>): Lock {
  const { lockId: id, target, createdBy, at: createdAt, expiresAt } = event;
  return { id, target, reason: textOf(event), createdBy, createdAt, expiresAt };
}

function grantOf(event: EventOfKind<'GRANT_STARTED'>): LiveGrant {
  const { reason, ticket } = JSON.parse(textOf(event)) as { reason: string; ticket: string }; // written by the grant service
  return {
    id: event.grantId,
    requestId: event.requestId,
    item: event.item,
    requester: event.requester,
    subject: event.subject,
    approvers: event.approvers,
    ...(event.casts === undefined ? {} : { casts: event.casts }),
    actions: event.actions,
    ...(event.asked === undefined ? {} : { asked: event.asked }),
    resource: event.resource,
    workflow: event.workflow,
    steps: event.steps,
    seats: event.seats,
    reason,
    ticket,
    state: event.state,
    startsAt: event.startsAt,
    expiresAt: event.expiresAt,
    durationMs: event.durationMs,
    terms: event.terms,
    extensions: 0,
    usesLeft: event.usesLeft,
    lastUsedAt: undefined,
  };
}
