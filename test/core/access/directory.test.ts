import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey } from '../../../core/access/entity.ts';

const uid = (id: string): EntityUid => ({ type: 'Node', id });
const entity = (id: string, ...parents: readonly string[]): Entity => ({
  uid: uid(id),
  attributes: new Map(),
  parents: parents.map(uid),
  tags: new Map(),
});

test('ancestors and descendants reach through every level', () => {
  const directory = directoryOf(entity('leaf', 'mid'), entity('mid', 'top'), entity('top'));
  expect(ancestors(directory, 'leaf')).toEqual(['leaf', 'mid', 'top']);
  expect(descendants(directory, 'top')).toEqual(['leaf', 'mid']);
});

test('a diamond is walked once on each side', () => {
  const directory = directoryOf(
    entity('top'),
    entity('left', 'top'),
    entity('right', 'top'),
    entity('leaf', 'left', 'right'),
  );
  expect(ancestors(directory, 'leaf')).toEqual(['leaf', 'left', 'right', 'top']);
  expect(descendants(directory, 'top')).toEqual(['leaf', 'left', 'right']);
});

test('a cycle ends, and nobody is their own descendant', () => {
  const directory = directoryOf(entity('a', 'b'), entity('b', 'c'), entity('c', 'a'), entity('self', 'self'));
  expect(ancestors(directory, 'a')).toEqual(['a', 'b', 'c']);
  expect(descendants(directory, 'a')).toEqual(['b', 'c']);
  expect(ancestors(directory, 'self')).toEqual(['self']);
  expect(descendants(directory, 'self')).toEqual([]);
});

test('what the directory does not know has itself for an ancestor, and nothing else', () => {
  const directory = new Directory();
  expect(ancestors(directory, 'nobody')).toEqual(['nobody']);
  expect(descendants(directory, 'nobody')).toEqual([]);
});

test('applying an entity again replaces its parents, attributes and tags', () => {
  const directory = directoryOf(entity('leaf', 'old'), entity('old'), entity('new'));
  const attributes = new Map([['level', { kind: 'long', value: 1n } as const]]);
  directory.apply({ ...entity('leaf', 'new'), attributes });
  expect(ancestors(directory, 'leaf')).toEqual(['leaf', 'new']);
  expect(descendants(directory, 'old')).toEqual([]);
  expect(descendants(directory, 'new')).toEqual(['leaf']);
  expect(directory.get(uid('leaf'))?.attributes).toEqual(attributes);
  expect(directory.size).toBe(3);
});

test('a parent may come after its children', () => {
  const directory = directoryOf(entity('leaf', 'mid'), entity('top'));
  expect(descendants(directory, 'mid')).toEqual([]);
  directory.apply(entity('mid', 'top'));
  expect(ancestors(directory, 'leaf')).toEqual(['leaf', 'mid', 'top']);
  expect(descendants(directory, 'top')).toEqual(['leaf', 'mid']);
});

test('nobody is inside of a group that was deleted, nor of what it was inside of', () => {
  const directory = directoryOf(
    entity('top'),
    entity('mid', 'top'),
    entity('leaf', 'mid'),
    entity('other', 'mid', 'top'),
  );
  directory.remove(uid('mid'));
  expect(directory.get(uid('leaf'))?.parents).toEqual([]);
  expect(directory.get(uid('other'))?.parents).toEqual([uid('top')]);
  expect(ancestors(directory, 'leaf')).toEqual(['leaf']);
  expect(descendants(directory, 'mid')).toEqual([]);
  expect(descendants(directory, 'top')).toEqual(['other']);
});

test('one parent named twice is one parent', () => {
  const directory = directoryOf(entity('leaf', 'top', 'top'));
  directory.apply(entity('leaf'));
  expect(descendants(directory, 'top')).toEqual([]);
});

type Step =
  | { readonly do: 'apply'; readonly entity: Entity }
  | { readonly do: 'remove'; readonly id: string }
  | { readonly do: 'clear' };

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...ids), fc.subarray(ids))
      .map(([id, parents]): Step => ({ do: 'apply', entity: entity(id, ...parents) })),
  },
  { weight: 3, arbitrary: fc.constantFrom(...ids).map((id): Step => ({ do: 'remove', id })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'clear' }) },
);

test('the directory answers as a plain list of entities would, after any changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const directory = new Directory();
      const model = new Map<string, Entity>();
      for (const one of steps) {
        take(directory, model, one);
        expect(directory.size).toBe(model.size);
        for (const id of ids) {
          expect(directory.get(uid(id))).toEqual(seenIn(model, id));
          expect(directory.has(uid(id))).toBe(model.has(id));
          expect(ancestors(directory, id)).toEqual(naiveAncestors(model, id));
          const inside = [...model.keys()]
            .filter(() => model.has(id))
            .filter((it) => it !== id && naiveAncestors(model, it).includes(id));
          expect(descendants(directory, id)).toEqual(inside.toSorted());
        }
      }
      expect([...directory.all()]).toEqual([...model.keys()].map((id) => seenIn(model, id)));
    }),
  );
});

function take(directory: Directory, model: Map<string, Entity>, one: Step): void {
  switch (one.do) {
    case 'apply':
      directory.apply(one.entity);
      model.set(one.entity.uid.id, one.entity);
      return;
    case 'remove':
      directory.remove(uid(one.id));
      model.delete(one.id);
      return;
    case 'clear':
      directory.clear();
      model.clear();
  }
}

/** The entity without the parents that are not there. */
function seenIn(model: ReadonlyMap<string, Entity>, id: string): Entity | undefined {
  const found = model.get(id);
  return found && { ...found, parents: found.parents.filter((parent) => model.has(parent.id)) };
}

/** All that can be reached by parents, one round after another until nothing is added. */
function naiveAncestors(model: ReadonlyMap<string, Entity>, id: string): readonly string[] {
  let found = new Set([id]);
  for (;;) {
    const parents = [...found].flatMap((it) => seenIn(model, it)?.parents.map((parent) => parent.id) ?? []);
    const more = new Set([...found, ...parents]);
    if (more.size === found.size) return [...found].toSorted();
    found = more;
  }
}

function directoryOf(...entities: readonly Entity[]): Directory {
  const directory = new Directory();
  for (const one of entities) directory.apply(one);
  return directory;
}

function ancestors(directory: Directory, id: string): readonly string[] {
  return ids
    .concat('leaf', 'left', 'right', 'mid', 'top', 'old', 'new', 'self', 'nobody')
    .filter((it) => directory.selfAndAncestors(uid(id)).has(uidKey(uid(it))))
    .toSorted();
}

function descendants(directory: Directory, id: string): readonly string[] {
  return Array.from(directory.descendants(uid(id)), (it) => it.uid.id).toSorted();
}
