import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey, type Value } from './entity.ts';

/** The attribute that says whose an account is: equal for all accounts of one person. */
const PERSON_ATTRIBUTE = 'person';

/**
 * Names the person behind an account: what its attribute `person` says (a text, or an entity), else the account itself. Two accounts of
 * one person fill one seat, and neither reviews what the other asks for.
 */
export function personOf(directory: Directory, account: EntityUid): string {
  const said = directory.get(account)?.attributes.get(PERSON_ATTRIBUTE);
  return (said === undefined ? undefined : nameOf(said)) ?? uidKey(account);
}

function nameOf(value: Value): string | undefined {
  if (value.kind === 'entity') return uidKey(value.uid);
  return value.kind === 'string' && value.value !== '' ? `person ${value.value}` : undefined;
}

/** Whether both are accounts of one person. */
export function samePerson(directory: Directory, a: EntityUid, b: EntityUid): boolean {
  return sameUid(a, b) || personOf(directory, a) === personOf(directory, b);
}
