import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import { saidPerson } from './people-index.ts';

/**
 * Names the person behind an account: what its attribute `person` says (a text, or an entity), else the account itself. Two accounts of
 * one person fill one seat, and neither reviews what the other asks for.
 */
export function personOf(directory: Directory, account: EntityUid): string {
  const entity = directory.get(account);
  return (entity === undefined ? undefined : saidPerson(entity)) ?? uidKey(account);
}

/** Whether both are accounts of one person. */
export function samePerson(directory: Directory, a: EntityUid, b: EntityUid): boolean {
  return sameUid(a, b) || personOf(directory, a) === personOf(directory, b);
}

/** All accounts of the person whose account this is, this one first. */
export function accountsOf(directory: Directory, account: EntityUid): readonly EntityUid[] {
  const person = personOf(directory, account);
  const others = directory.people.of(person);
  // The others may name an account that says nothing of itself.
  const named = directory.at(person)?.uid;
  const all = named !== undefined && personOf(directory, named) === person ? [named, ...others] : others;
  return [account, ...all.filter((other) => !sameUid(other, account))];
}
