import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import type { Lock } from '../../core/access/lock.ts';
import { accountsAndAncestors, samePerson } from '../../core/access/person.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { locksOn, type Rules } from '../../core/replica/rights.ts';

// What locks stop in this service, and all of it:
// - Who is locked, by whichever account, may do nothing but read what is theirs: `by` in context.ts for every transition, `ask` in rights.ts for every right,
//   and with it votes.
// - Nobody is let in where a lock is: `lockAgainst`, asked when a request is planned, voted for, approved, extended, and when a grant
//   is opened, claimed or used. What waits to begin waits while locks take its approvals away: `beginningOf`. Denying, withdrawing, releasing, revoking, locking and unlocking go on.

/** @throws AccessError LOCKED when the caller is locked */
export function requireFree(rules: Rules, caller: EntityUid, at: Date): void {
  const [lock] = locksOn(rules, caller, at);
  if (lock === undefined) return;
  throw lockedBy(lock, `${formatUid(caller)} is locked and may only read what is theirs`);
}

/** Somebody who is, or would be, let in. */
export interface LettingIn extends Pick<Grant, 'requester' | 'subject' | 'resource'> {
  /** The grant by which, if there is one. */
  readonly grantId?: string | undefined;
}

/** Why nobody is to be let in so at that instant; undefined when no lock stops it. */
export function lockAgainst(
  replica: Replica,
  { requester, subject, resource, grantId }: LettingIn,
  at: Date,
): AccessError | undefined {
  const { locks, directory } = replica;
  if (locks.size === 0) return undefined;
  const [all] = locks.onEverything(at);
  if (all !== undefined) return lockedBy(all, 'everything is locked: nobody is let in');
  const parties = sameUid(requester, subject) ? [subject] : [subject, requester];
  for (const party of parties) {
    const [lock] = locksOn(replica, party, at);
    if (lock !== undefined) return lockedBy(lock, `${formatUid(party)} is locked and is let in nowhere`);
  }
  const [there] = locks.onEntities(directory.selfAndAncestors(resource), at);
  if (there !== undefined) return lockedBy(there, `${formatUid(resource)} is locked: nobody is let in there`);
  const [own] = grantId === undefined ? [] : locks.onGrant(grantId, at);
  return own === undefined ? undefined : lockedBy(own, `the grant ${grantId} is locked and permits nothing`);
}

/** @throws AccessError LOCKED when a lock stops it */
export function requireOpen(replica: Replica, lettingIn: LettingIn, at: Date): void {
  const locked = lockAgainst(replica, lettingIn, at);
  if (locked !== undefined) throw locked;
}

/** That a grant which waits does not begin, because people who asked for it or approved it are locked. */
export function heldBack(replica: Replica, grant: Grant, at: Date): AccessError {
  const { id, requester, approvers, casts = [] } = grant;
  const people = [requester, ...approvers, ...casts.flatMap(({ reviewer }) => reviewer ?? [])];
  for (const person of people) {
    const [lock] = locksOn(replica, person, at);
    const did = sameUid(person, requester) ? 'asked for' : 'approved';
    if (lock !== undefined)
      return lockedBy(lock, `${formatUid(person)}, who ${did} the grant ${id}, is locked: it does not begin`);
  }
  throw new Error(`no lock holds back the grant ${id}`);
}

/** What approving an item of a request would do. */
export function lettingInBy(request: AccessRequest, { resource }: Pick<RequestItem, 'resource'>): LettingIn {
  const { requester, subject } = request;
  return { requester, subject, resource, grantId: request.extends?.grantId };
}

/** What using a grant would do. */
export function lettingInOf({ id: grantId, requester, subject, resource }: Grant): LettingIn {
  return { requester, subject, resource, grantId };
}

/** The locks because of which a grant permits nothing at that instant, each once. */
export function locksOnGrant(
  replica: Replica,
  { id, subject, resource }: Pick<Grant, 'id' | 'subject' | 'resource'>,
  at: Date,
): readonly Lock[] {
  const { locks, directory } = replica;
  if (locks.size === 0) return [];
  const stopped = new Set([
    ...accountsAndAncestors(directory, subject),
    ...directory.selfAndAncestors(resource),
  ]);
  return [...locks.onEverything(at), ...locks.onEntities(stopped, at), ...locks.onGrant(id, at)];
}

/** Whether a lock stops the person, by whichever account: themselves, a group of theirs, or a grant of theirs. */
export function isOwnLock(
  { directory }: Replica,
  lock: Lock,
  person: EntityUid,
  holder?: EntityUid,
): boolean {
  const { target } = lock;
  if (target.kind === 'entity') return accountsAndAncestors(directory, person).has(uidKey(target.uid));
  return target.kind === 'grant' && holder !== undefined && samePerson(directory, holder, person);
}

function lockedBy({ id, expiresAt }: Lock, what: string): AccessError {
  const until = expiresAt === undefined ? 'is lifted' : `ends at ${expiresAt.toISOString()}`;
  return new AccessError('LOCKED', `${what} until lock ${id} ${until}`, { metadata: { lock_id: id } });
}
