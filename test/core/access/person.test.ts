import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { accountsOf, samePerson } from '../../../core/access/person.ts';

const IDS = ['ada', 'bob', 'cy', 'dee'] as const;
const uid = (id: string): EntityUid => ({ type: 'User', id });

function account(id: string, person?: Value): Entity {
  const attributes = new Map(person === undefined ? [] : [['person', person]]);
  return { uid: uid(id), attributes, parents: [], tags: new Map() };
}

const anyId = fc.constantFrom(...IDS);
const anyPerson = fc.option(
  fc.oneof(
    fc.constantFrom('', 'one', 'two').map((value): Value => ({ kind: 'string', value })),
    anyId.map((id): Value => ({ kind: 'entity', uid: uid(id) })),
    fc.constant<Value>({ kind: 'bool', value: true }),
  ),
  { nil: undefined },
);
const anyChange = fc.oneof(
  fc.record({ id: anyId, person: anyPerson }).map((of) => ({ kind: 'apply', ...of }) as const),
  anyId.map((id) => ({ kind: 'remove', id }) as const),
  fc.constant({ kind: 'clear' } as const),
);

test('W2 the accounts of a person are those that the directory has after whatever changed', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 20 }), (changes) => {
      const directory = new Directory();
      for (const change of changes) {
        if (change.kind === 'apply') directory.apply(account(change.id, change.person));
        else if (change.kind === 'remove') directory.remove(uid(change.id));
        else directory.clear();
        for (const id of IDS) {
          const [own, ...others] = accountsOf(directory, uid(id)).map(uidKey);
          expect(own).toBe(uidKey(uid(id)));
          const expected = [...directory.all()].filter(
            (other) => other.uid.id !== id && samePerson(directory, other.uid, uid(id)),
          );
          expect(others.toSorted()).toEqual(expected.map((it) => uidKey(it.uid)).toSorted());
        }
      }
    }),
  );
});
