import { type EntityUid, parseUidKey } from './entity.ts';

/** An entity that grants name: one object, however many of them do. */
export interface NamedEntity {
  readonly uid: EntityUid;
  /** Its `uidKey`. */
  readonly key: string;
  /** No other has it. */
  readonly number: number;
  /** How often it is named. */
  uses: number;
  /** Another number after every change of what it holds. */
  stamp: number;
}

/** The entities that grants name. One that is named by none any more is forgotten, or those of grants long over would stay for ever. */
export class NamedEntities {
  readonly #byKey = new Map<string, NamedEntity>();
  #numbers = 0;

  get(key: string): NamedEntity | undefined {
    return this.#byKey.get(key);
  }

  /** The entity of that key, which is now named once more. @param known when that is it */
  take(key: string, known = this.#byKey.get(key)): NamedEntity {
    let entity = known;
    if (entity === undefined) {
      entity = { uid: parseUidKey(key), key, number: ++this.#numbers, uses: 0, stamp: 0 };
      this.#byKey.set(key, entity);
    }
    entity.uses += 1;
    return entity;
  }

  /** It is named once less. */
  release(entity: NamedEntity): void {
    entity.uses -= 1;
    if (entity.uses === 0) this.#byKey.delete(entity.key);
  }
}
