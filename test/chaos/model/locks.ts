import type { ModelDirectory } from './model-directory.ts';
import type { ModelGrant, ModelLock, ModelTarget, Parties } from './records.ts';
import type { Group } from './terms.ts';

/** Somebody who would be let in. */
export interface LettingIn extends Parties {
  readonly resource: string;
  readonly grant?: ModelGrant | undefined;
}

/** What locks stop, by rules of its own. */
export class ModelLocks {
  readonly all: ModelLock[] = [];
  readonly #directory: ModelDirectory;

  constructor(directory: ModelDirectory) {
    this.#directory = directory;
  }

  standing(now: number): readonly ModelLock[] {
    return this.all.filter((lock) => isStanding(lock, now));
  }

  isLocked(person: string, now: number): boolean {
    return this.standing(now).some(({ target }) => this.#isOn(target, person));
  }

  /** Whether a lock keeps the grant from permitting anything; who asked for it matters not to decisions. */
  stops({ subject, resource, grant }: Omit<LettingIn, 'requester'>, now: number): boolean {
    return this.standing(now).some(
      ({ target }) =>
        target.kind === 'everything' ||
        this.#isOn(target, subject) ||
        (target.kind === 'database' && target.id === resource) ||
        (target.kind === 'grant' && target.grant === grant),
    );
  }

  /** Whether a lock keeps anybody from being let in so. */
  bars(who: LettingIn, now: number): boolean {
    return this.stops(who, now) || this.isLocked(who.requester, now);
  }

  /** Whether the lock stops the person, who then may not lift it. */
  isOwn({ target }: ModelLock, person: string): boolean {
    return this.#isOn(target, person) || (target.kind === 'grant' && target.grant.subject === person);
  }

  #isOn(target: ModelTarget, person: string): boolean {
    if (target.kind === 'person') return target.id === person;
    return target.kind === 'group' && this.#directory.members[target.id as Group].has(person); // groups are locked by these names only
  }
}

export function isStanding({ isLifted, endsAt }: ModelLock, now: number): boolean {
  return !isLifted && (endsAt === undefined || now < endsAt);
}
