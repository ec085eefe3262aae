import { fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { RecordedLock } from '../../core/access/lock.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { locksOn } from '../../core/replica/rights.ts';
import { liveGrantIds } from '../../core/store/grants.ts';
import { pendingRequestsBy, pendingRequestsVotedBy } from '../../core/store/requests.ts';
import { type Outcome, readClock, type Trx } from '../../core/store/transition.ts';
import { by, DecideAgain, decide, type Decided, type Finish, type GrantContext } from './context.ts';
import { connectionsFor, requireKnown, writeLock } from './create-lock.ts';
import { requireReason } from './end-grant.ts';
import { type Asking, lockQuestions, mayLock } from './lock-rights.ts';
import { notPermitted } from './rights.ts';
import { endGrants, holdGrants, holdRequests, takeVotesBack, withdrawRequests } from './taken-out.ts';

/** Whom to take out, and why. */
export interface AskedOffboarding {
  readonly principal: EntityUid;
  readonly caller: EntityUid;
  readonly reason: string;
}

/** What ended. */
export interface Offboarded {
  readonly lock: RecordedLock;
  readonly endedGrantIds: readonly string[];
  readonly withdrawnRequestIds: readonly string[];
  /** Requests on which votes were taken back. */
  readonly unvotedRequestIds: readonly string[];
}

/**
 * Takes a person or a service out, all or nothing: locks them until somebody lifts it, ends their grants, withdraws their pending
 * requests and takes their votes on others' back. Other accounts of the person are only stopped, by the lock.
 * @throws AccessError LOCKED, NOT_PERMITTED, ENTITY_UNKNOWN, FIELD_INVALID
 */
export async function offboard(context: GrantContext, asked: AskedOffboarding): Promise<Decided<Offboarded>> {
  requireReason(asked.reason);
  const { principal, caller } = asked;
  const { replica } = context.followed;
  const target = { kind: 'entity', uid: principal } as const;
  return await decide(
    by(context, caller),
    async (trx) => {
      requirePrincipal(replica, principal);
      return await takeOut(trx, replica, asked);
    },
    connectionsFor(context, 'lock', { target, caller }),
  );
}

function requirePrincipal(replica: Replica, principal: EntityUid): void {
  const { personTypes, serviceTypes } = replica.engine.policies.schema;
  const types = [...personTypes, ...serviceTypes];
  if (!types.includes(principal.type)) {
    const wanted = `wanted one person or service: a ${types.join(' or ')}`;
    throw fieldError(
      'principal',
      `seen ${formatUid(principal)}, ${wanted}; a group is locked, not offboarded`,
    );
  }
  requireKnown(replica, principal, 'principal');
}

async function takeOut(
  trx: Trx,
  replica: Replica,
  { principal, caller, reason }: AskedOffboarding,
): Promise<Outcome<Finish<Offboarded>>> {
  const key = uidKey(principal);
  // Nobody who may not do it makes others wait for the rows.
  requireMayLock(replica, principal, { caller, now: await readClock(trx) });
  const own = new Set(await pendingRequestsBy(trx, key));
  const voted = await pendingRequestsVotedBy(trx, [key]);
  const requests = await holdRequests(trx, new Set([...own, ...voted]));
  const grants = await holdGrants(trx, await liveGrantIds(trx, { by: 'subject', value: key }));
  // Only now: a row that had to be waited for belongs to something that happened before.
  const now = await readClock(trx);
  requireMayLock(replica, principal, { caller, now });
  const lock = await keepOrWriteLock(trx, replica, { principal, caller, reason }, now);
  const withdrawn = await withdrawRequests(
    trx,
    requests.filter(({ id }) => own.has(id)),
    { actor: uidKey(caller), because: `${formatUid(principal)} was offboarded`, now },
  );
  const others = requests.filter(({ id }) => !own.has(id));
  const unvoted = await takeVotesBack(trx, others, { reviewers: [principal], actor: caller, now });
  const ending = { endReason: 'REVOKED', actor: caller, now, text: reason } as const;
  const ended = await endGrants(trx, grants, { replica, ...ending });
  return {
    events: [...lock.events, ...withdrawn.events, ...unvoted.events, ...ended.events],
    result: () => ({
      lock: lock.lock,
      endedGrantIds: ended.ids,
      withdrawnRequestIds: withdrawn.ids,
      unvotedRequestIds: unvoted.ids,
    }),
    confirm: () => requireNothingLeft(trx, key),
  };
}

function requireMayLock(replica: Replica, principal: EntityUid, asking: Asking): void {
  const on = { target: { kind: 'entity', uid: principal }, grant: undefined } as const;
  if (!mayLock(replica, 'lock', on, asking)) throw notPermitted(lockQuestions('lock', on, asking)[0]);
}

/** One that holds on the principal until it is lifted is as good as a new one. */
async function keepOrWriteLock(
  trx: Trx,
  replica: Replica,
  { principal, caller, reason }: AskedOffboarding,
  now: Date,
): Promise<{ readonly lock: RecordedLock; readonly events: readonly LedgerEvent[] }> {
  const kept = locksOn(replica, principal, now).find(
    ({ target, expiresAt }) =>
      expiresAt === undefined && target.kind === 'entity' && uidKey(target.uid) === uidKey(principal),
  );
  if (kept !== undefined) return { lock: { ...kept, lifted: undefined }, events: [] };
  const asked = {
    target: { kind: 'entity', uid: principal },
    caller,
    reason,
    durationMs: undefined,
  } as const;
  const { lock, event } = await writeLock(trx, asked, now);
  return { lock, events: [event] };
}

/** What came between our look and our place in the ledger must not outlive it. */
async function requireNothingLeft(trx: Trx, key: string): Promise<void> {
  const left = [
    ...(await pendingRequestsBy(trx, key)),
    ...(await pendingRequestsVotedBy(trx, [key])),
    ...(await liveGrantIds(trx, { by: 'subject', value: key })),
  ];
  if (left.length > 0) throw new DecideAgain('something of whoever is taken out came in between');
}
