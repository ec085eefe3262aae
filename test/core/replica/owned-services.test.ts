import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { followOwners, owns, servicesOf } from '../../../core/replica/owned-services.ts';
import type { Rules } from '../../../core/replica/rights.ts';

const USERS = ['ada', 'ada-too', 'bob'] as const;
const GROUPS = ['staff', 'ops'] as const;
const SERVICES = ['robot', 'crawler'] as const;

const user = (id: string): EntityUid => ({ type: 'User', id });
const group = (id: string): EntityUid => ({ type: 'Group', id });
const owner = (uid: EntityUid): Value => ({ kind: 'entity', uid });

const anyOwner = fc
  .oneof(fc.constantFrom(...USERS).map(user), fc.constantFrom(...GROUPS).map(group))
  .map(owner);
const anyUser = fc
  .record({ id: fc.constantFrom(...USERS), groups: fc.subarray([...GROUPS]), person: fc.boolean() })
  .map(
    ({ id, groups, person }): Entity => ({
      uid: user(id),
      attributes: new Map(person ? [['person', { kind: 'string', value: 'one' }]] : []),
      parents: groups.map(group),
      tags: new Map(),
    }),
  );
const anyOwned = fc
  .record({
    type: fc.constantFrom('Service', 'Database'),
    id: fc.constantFrom(...SERVICES),
    owner: fc.option(anyOwner, { nil: undefined }),
    owners: fc.array(anyOwner, { maxLength: 2 }),
  })
  .map(
    ({ type, id, owner: one, owners }): Entity => ({
      uid: { type, id },
      attributes: new Map<string, Value>([
        ...(one === undefined ? [] : [['owner', one] as const]),
        ['owners', { kind: 'set', values: owners }],
      ]),
      parents: [],
      tags: new Map(),
    }),
  );
const anyChange = fc.oneof(
  fc.oneof(anyUser, anyOwned).map((entity) => ({ kind: 'apply', entity }) as const),
  fc.constantFrom(...SERVICES).map((id) => ({ kind: 'remove', id }) as const),
  fc.constant({ kind: 'clear' } as const),
);

/** All that is asked of the policies is which types are services. */
const engine = { policies: { schema: { serviceTypes: ['Service'] } } } as unknown as Rules['engine']; // the rest is not read

test('W3 the services that a person answers for are those whose owners say so after whatever changed', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 20 }), (changes) => {
      const directory = new Directory();
      const rules: Rules = { engine, directory, generation: 0 };
      for (const change of changes) {
        if (change.kind === 'apply') directory.apply(change.entity);
        else if (change.kind === 'remove') directory.remove({ type: 'Service', id: change.id });
        else directory.clear();
        followOwners(directory);
        for (const id of USERS) {
          const all = [...directory.all()].map(({ uid }) => uid);
          const owned = all.filter((uid) => uid.type === 'Service' && owns(rules, user(id), uid));
          expect(servicesOf(rules, user(id)).toSorted()).toEqual(owned.map(uidKey).toSorted());
        }
      }
    }),
  );
});
