import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEntities } from '../../../core/access/entity-json.ts';
import { entityText, impliedText, parentsFirst, uidKey } from '../../../core/policy/directory-text.ts';

const entity = (id: string, ...parents: readonly string[]) => ({
  uid: { type: 'Group', id },
  attributes: new Map(),
  parents: parents.map((parent) => ({ type: 'Group', id: parent })),
  tags: new Map(),
});
const only = (json: string) => parseEntities(`[${json}]`)[0] ?? expect.unreachable();

test('parents come first, each entity once, in the order given otherwise', () => {
  const ids = (...entities: ReturnType<typeof entity>[]) => parentsFirst(entities).map(({ uid }) => uid.id);
  expect(ids(entity('c', 'b', 'elsewhere'), entity('d'), entity('b', 'a'), entity('a'))).toEqual([
    'a',
    'b',
    'c',
    'd',
  ]);
  expect(ids(entity('x', 'y'), entity('y', 'x')).toSorted()).toEqual(['x', 'y']);
});

test('whatever is inside of whatever, nothing comes before its parents', () => {
  // Each may be inside of those with a higher number.
  const parents = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { maxLength: 30 });
  fc.assert(
    fc.property(parents, fc.infiniteStream(fc.nat()), (all, random) => {
      const entities = all.map((above, index) =>
        entity(
          String(index),
          ...above
            .map((step) => index + 1 + step)
            .filter((it) => it < all.length)
            .map(String),
        ),
      );
      const shuffled = entities
        .map((each) => ({ each, place: random.next().value }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ each }) => each);
      const seen = new Set<string>();
      for (const { uid, parents: above } of parentsFirst(shuffled)) {
        expect(above.every((parent) => seen.has(uidKey(parent)))).toBe(true);
        seen.add(uidKey(uid));
      }
      expect(seen.size).toBe(entities.length);
    }),
  );
});

test('entities that say the same have the same text, integers exact', () => {
  const one = only(
    '{"uid": {"type": "U", "id": "a"}, "attrs": {"b": [2, 1], "a": 9223372036854775807}, "parents": [{"type": "G", "id": "y"}, {"type": "G", "id": "x"}]}',
  );
  const other = only(
    '{"uid": {"__entity": {"type": "U", "id": "a"}}, "parents": [{"type": "G", "id": "x"}, {"type": "G", "id": "y"}], "attrs": {"a": 9223372036854775807, "b": [1, 2]}}',
  );
  expect(entityText(one)).toBe(entityText(other));
  expect(entityText(one)).toContain('"a":9223372036854775807');
});

test('what a schema makes of a text or a record is the same when it is left implicit', () => {
  const said = only(
    '{"uid": {"type": "U", "id": "a"}, "attrs": {"at": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}}, "by": [{"__entity": {"type": "U", "id": "b"}}]}}',
  );
  const implied = only(
    '{"uid": {"type": "U", "id": "a"}, "attrs": {"at": "10.0.0.1", "by": [{"type": "U", "id": "b"}]}}',
  );
  expect(impliedText(said)).toBe(impliedText(implied));
  expect(entityText(said)).not.toBe(entityText(implied));
});
