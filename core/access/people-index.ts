import { type Entity, type EntityUid, sameUid, uidKey, type Value } from './entity.ts';

/** The attribute that says whose an account is: equal for all accounts of one person. */
const PERSON_ATTRIBUTE = 'person';

/** Whose the account is, as far as its attribute `person` says it: a text, or an entity. */
export function saidPerson({ attributes }: Entity): string | undefined {
  const said = attributes.get(PERSON_ATTRIBUTE);
  return said === undefined ? undefined : nameOf(said);
}

function nameOf(value: Value): string | undefined {
  if (value.kind === 'entity') return uidKey(value.uid);
  return value.kind === 'string' && value.value !== '' ? `person ${value.value}` : undefined;
}

/** The accounts that say whose they are, by person; kept up to date with a directory. */
export class PeopleIndex {
  readonly #accounts = new Map<string, EntityUid[]>();

  /** In no order. */
  of(person: string): readonly EntityUid[] {
    return this.#accounts.get(person) ?? [];
  }

  applied(entity: Entity, before: Entity | undefined): void {
    const person = saidPerson(entity);
    if (before !== undefined) {
      if (saidPerson(before) === person) return;
      this.removed(before);
    }
    if (person === undefined) return;
    const known = this.#accounts.get(person);
    if (known === undefined) this.#accounts.set(person, [entity.uid]);
    else known.push(entity.uid);
  }

  removed(entity: Entity): void {
    const person = saidPerson(entity);
    if (person === undefined) return;
    const left = this.of(person).filter((uid) => !sameUid(uid, entity.uid));
    if (left.length > 0) this.#accounts.set(person, left);
    else this.#accounts.delete(person);
  }

  cleared(): void {
    this.#accounts.clear();
  }
}
