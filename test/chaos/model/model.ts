import { ModelLocks } from './locks.ts';
import { ModelDirectory } from './model-directory.ts';
import type { ModelGrant, ModelItem, ModelRequest, Parties } from './records.ts';
import { IDLE_GRACE, type Step, termsOf } from './terms.ts';
import { canSeat, stepsOf, stepsUnlocked } from './votes.ts';

/** What should be, by rules of its own: nothing here is the code's. */
export class Model {
  /** Minutes since the run began. */
  now = 0;
  /** How many more may be carried out. */
  commandsLeft: number;
  readonly requests: ModelRequest[] = [];
  readonly grants: ModelGrant[] = [];
  readonly directory: ModelDirectory;
  readonly locks: ModelLocks;

  /** By kind; those that were deleted as well. */
  readonly databases: ReadonlyMap<string, string>;

  constructor(databases: ReadonlyMap<string, string>, commandsLeft: number) {
    this.databases = databases;
    this.commandsLeft = commandsLeft;
    this.directory = new ModelDirectory(databases.values());
    this.locks = new ModelLocks(this.directory);
  }

  items(): readonly ModelItem[] {
    return this.requests.flatMap(({ items }) => items);
  }

  /** Whether a grant waits for a start that so many minutes bring, or a lock held it back. */
  isStartDue(minutes = 0): boolean {
    return this.grants.some((it) => it.state === 'SCHEDULED' && it.startsAt <= this.now + minutes);
  }

  pass(minutes: number): void {
    this.now += minutes;
    for (const item of this.items())
      if (item.state === 'PENDING' && this.now >= item.request.lapsesAt) item.state = 'EXPIRED';
    this.open();
    for (const grant of this.grants) {
      const isIdle = grant.idleAt < grant.endsAt;
      if (grant.state === 'ENDED' || this.now < Math.min(grant.endsAt, grant.idleAt)) continue;
      const unused = isIdle ? 'IDLE' : 'EXPIRED';
      this.end(grant, grant.state === 'CLAIMABLE' ? 'UNCLAIMED' : unused);
    }
  }

  /** Begins what waited for its start. */
  open(): void {
    for (const grant of this.grants) {
      if (grant.state !== 'SCHEDULED' || this.now < grant.startsAt || this.now >= grant.endsAt) continue;
      if (this.locks.bars({ ...grant, grant }, this.now)) continue;
      const beginning = this.beginning(grant);
      if (beginning === 'in') grant.state = 'ACTIVE';
      if (beginning === 'out') this.end(grant, 'INELIGIBLE');
    }
  }

  /** Whether the workflow lets the subject in, as far as that depends on the directory. */
  isLetIn({ requester, subject, resource }: Parties & { readonly resource: string }): boolean {
    const { members, owners } = this.directory;
    const isAsked = requester === subject || members.leads.has(requester);
    return isAsked && members.staff.has(subject) && owners.has(resource);
  }

  /** Whether it lets its subject in and those who approved it may do so still: until it begins both matter. For a lock it waits. */
  beginning(grant: ModelGrant): 'in' | 'held' | 'out' {
    if (!this.isLetIn(grant)) return 'out';
    const isAskerFree = !this.locks.isLocked(grant.requester, this.now);
    if (isAskerFree && isAgreed(grant, (by) => stepsOf(this, by, grant))) return 'in';
    return isAgreed(grant, (by) => stepsUnlocked(this, by, grant)) ? 'held' : 'out';
  }

  /** Whether it permits nothing any more because its workflow lets its holder in no more. */
  isOut(grant: ModelGrant): boolean {
    return termsOf(grant).isKept !== true && !this.isLetIn(grant);
  }

  /** Ends what lets its holder in no more, whoever notices it. */
  endIneligible(isMeant: (grant: ModelGrant) => boolean = () => true): void {
    for (const grant of this.grants) {
      if (grant.state !== 'ENDED' && this.isOut(grant) && isMeant(grant)) this.end(grant, 'INELIGIBLE');
    }
  }

  end(grant: ModelGrant, reason: string): void {
    grant.state = 'ENDED';
    grant.endReason = reason;
  }

  claim(grant: ModelGrant): void {
    grant.state = 'ACTIVE';
    grant.endsAt = this.now + grant.minutes;
  }

  /** Which grant is used when a use is said that was meant for this one: the one that knows it, or else the one that lives. */
  usedBy(picked: ModelGrant, useId: string): ModelGrant {
    const alike = this.grants.filter(
      (it) => it.subject === picked.subject && it.resource === picked.resource,
    );
    const knowing = alike.find((it) => it.usedIds.has(useId) && this.now < it.endsAt);
    return knowing ?? alike.find((it) => it.state !== 'ENDED') ?? picked;
  }

  /** Takes a use; whether it may. */
  use(grant: ModelGrant, useId: string): boolean {
    if (this.isOut(grant)) return false;
    if (grant.usedIds.has(useId) && (grant.state === 'ACTIVE' || grant.endReason === 'EXHAUSTED'))
      return true;
    if (grant.state === 'ENDED' || grant.state === 'SCHEDULED') return false;
    if (grant.state === 'CLAIMABLE' && this.beginning(grant) !== 'in') return false;
    if (grant.state === 'CLAIMABLE') this.claim(grant);
    this.note(grant, this.now);
    if (grant.usesLeft === undefined) return true;
    grant.usedIds.add(useId);
    grant.usesLeft -= 1;
    if (grant.usesLeft === 0) this.end(grant, 'EXHAUSTED');
    return true;
  }

  /** Notes when it was used; what has ended is not brought back by that. */
  note(grant: ModelGrant, usedAt: number): void {
    const { idle = Infinity } = termsOf(grant);
    if (grant.state !== 'ENDED') grant.idleAt = Math.max(grant.idleAt, usedAt + idle + IDLE_GRACE);
  }

  /** Whether it lay unused for too long, which a rehearsal does not find out before it is written. */
  isIdle({ endReason, endsAt }: ModelGrant): boolean {
    return endReason === 'IDLE' && this.now < endsAt;
  }

  /** Whether one of the person's grants permits reading without a use being taken. */
  mayRead(who: string, resource: string): boolean {
    return this.grants.some(
      (grant) =>
        grant.subject === who &&
        grant.resource === resource &&
        this.permits(grant) &&
        grant.actions.includes('read') &&
        !this.locks.stops({ subject: who, resource, grant }, this.now),
    );
  }

  /** Whether its state lets it permit anything. */
  permits(grant: ModelGrant): boolean {
    if (grant.state === 'CLAIMABLE') return this.beginning(grant) === 'in';
    return grant.state === 'ACTIVE' && !this.isOut(grant);
  }
}

/** Nobody approved as what they could not be then, whatever they may be now. */
function isAgreed({ steps, approvals }: ModelGrant, stepsNow: (by: string) => readonly Step[]): boolean {
  const people = approvals.map(({ by, filled, standsIn }) => {
    const now = stepsNow(by);
    return standsIn && now.includes('security') ? steps : filled.filter((step) => now.includes(step));
  });
  return canSeat(steps, people);
}
