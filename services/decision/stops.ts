import type { Grant } from '../../core/access/grant.ts';
import { lastEnd, type Lock } from '../../core/access/lock.ts';
import { accountsAndAncestors } from '../../core/access/person.ts';
import type { CallerQuestion } from '../../core/policy/check-question.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { resourceKeysOf } from './covering-grants.ts';

/** Without knowing how late it is, no lock has ended. */
const BEGINNING = new Date(0);

/** A lock that stops a question, or a grant that would cover it. */
export interface Stop {
  readonly lock: Lock;
  /** What it stops, as advice says it. */
  readonly what: 'everything' | 'the principal' | 'the resource' | 'a grant for this';
}

/**
 * The locks in force on everything, on the principal, another account of the person or a group of one of these, and on the resource or
 * something that it is inside of; a document of the caller's is inside of what its sent parents are inside of.
 * @param early the earliest that it may be: a lock must not end before its time
 */
export function stopsOn(
  { locks, directory }: Replica,
  question: CallerQuestion,
  early = BEGINNING,
): readonly Stop[] {
  if (locks.size === 0) return [];
  const principals = accountsAndAncestors(directory, question.principal);
  return [
    ...locks.onEverything(early).map(stop('everything')),
    ...locks.onEntities(principals, early).map(stop('the principal')),
    ...locks.onEntities(resourceKeysOf(directory, question), early).map(stop('the resource')),
  ];
}

/** The grants that are not locked, and what stops the others. */
export function unlocked<G extends Grant>(
  { locks }: Replica,
  grants: readonly G[],
  early = BEGINNING,
): { readonly free: readonly G[]; readonly stopped: readonly StoppedGrant[] } {
  if (locks.size === 0) return { free: grants, stopped: [] };
  const stopped = grants
    .map((grant) => ({ grant, stops: locks.onGrant(grant.id, early).map(stop('a grant for this')) }))
    .filter(({ stops }) => stops.length > 0);
  return { free: grants.filter((grant) => !stopped.some((it) => it.grant === grant)), stopped };
}

export interface StoppedGrant {
  readonly grant: Grant;
  readonly stops: readonly Stop[];
}

/** When the last of the locks ends by itself; undefined when one of them waits to be lifted. */
export function endOfStops(stops: readonly Stop[]): Date | undefined {
  return lastEnd(stops.map(({ lock }) => lock));
}

/** When the first of the locked grants could permit again by time alone; undefined when none could. */
export function firstReopening(stopped: readonly StoppedGrant[]): Date | undefined {
  const reopenings = stopped
    .map(({ grant, stops }) => ({ at: endOfStops(stops), until: grant.expiresAt }))
    .filter((it): it is { at: Date; until: Date } => it.at !== undefined && it.at < it.until);
  if (reopenings.length === 0) return undefined;
  return new Date(Math.min(...reopenings.map(({ at }) => at.getTime())));
}

/** What the locks say to whoever is denied; why they were created only to whoever may have it explained. */
export function adviceOfStops(stops: readonly Stop[], isExplained: boolean): readonly string[] {
  return stops.map(({ lock, what }) => {
    const locked = `${what} is locked (lock ${lock.id})`;
    return isExplained ? `${locked}: ${lock.reason}` : locked;
  });
}

function stop(what: Stop['what']): (lock: Lock) => Stop {
  return (lock) => ({ lock, what });
}
