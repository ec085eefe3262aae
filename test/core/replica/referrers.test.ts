import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { entitiesLeadingTo } from '../../../core/replica/referrers.ts';

const uid = (id: string): EntityUid => ({ type: 'Node', id });
const to = (id: string): Value => ({ kind: 'entity', uid: uid(id) });
const set = (...values: readonly Value[]): Value => ({ kind: 'set', values });
const record = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: 'record',
  fields: new Map(Object.entries(fields)),
});

function node(id: string, attributes: Readonly<Record<string, Value>> = {}): Entity {
  return { uid: uid(id), attributes: new Map(Object.entries(attributes)), parents: [], tags: new Map() };
}

function directoryOf(...entities: readonly Entity[]): Directory {
  const directory = new Directory();
  for (const entity of entities) directory.apply(entity);
  return directory;
}

async function leading(directory: Directory, path: readonly string[], ...targets: readonly string[]) {
  const giveWay = (): Promise<void> => Promise.resolve();
  const keys = await entitiesLeadingTo(
    directory,
    path,
    targets.map((id) => uidKey(uid(id))),
    giveWay,
  );
  return [...keys].toSorted();
}

const keys = (...ids: readonly string[]): readonly string[] => ids.map((id) => uidKey(uid(id)));

test('an attribute, one of a set, a field of a record and an attribute of what it leads to are followed back', async () => {
  const directory = directoryOf(
    node('plain', { owner: to('ada') }),
    node('many', { owner: set(to('eve'), to('ada')) }),
    node('other', { owner: to('eve') }),
    node('inside', { contact: record({ owner: to('ada') }) }),
    node('beyond', { contact: to('plain') }),
    node('neither', { contact: to('other') }),
  );
  expect(await leading(directory, ['owner'], 'ada')).toEqual(keys('many', 'plain'));
  expect(await leading(directory, ['contact', 'owner'], 'ada')).toEqual(keys('beyond', 'inside'));
  expect(await leading(directory, ['owner'], 'nobody')).toEqual([]);
  expect(await leading(directory, [], 'ada')).toEqual(keys('ada'));
});

test('what changes while the directory is walked through for the first time is not missed', async () => {
  const directory = directoryOf(...Array.from({ length: 20 }, (_, index) => node(`n${index}`)));
  let walked = 0;
  const giveWay = async (): Promise<void> => {
    walked += 1;
    if (walked === 10) {
      directory.apply(node('n1', { owner: to('ada') }));
      directory.apply(node('n15', { owner: to('ada') }));
      directory.remove(uid('n16'));
      directory.apply(node('late', { owner: to('ada') }));
    }
    await Promise.resolve();
  };
  const found = await entitiesLeadingTo(directory, ['owner'], keys('ada'), giveWay);
  expect([...found].toSorted()).toEqual(keys('late', 'n1', 'n15'));
});

/** Every way of a path, forwards, from every entity. */
function forwards(directory: Directory, path: readonly string[], target: string): readonly string[] {
  const reach = (from: Value, [name, ...rest]: readonly string[]): boolean => {
    if (from.kind === 'set')
      return from.values.some((each) => reach(each, name === undefined ? [] : [name, ...rest]));
    if (name === undefined) return from.kind === 'entity' && from.uid.id === target;
    const fields =
      from.kind === 'record'
        ? from.fields
        : from.kind === 'entity'
          ? directory.get(from.uid)?.attributes
          : undefined;
    const next = fields?.get(name);
    return next !== undefined && reach(next, rest);
  };
  return Array.from(directory.all(), (entity) => entity.uid)
    .filter((each) => reach({ kind: 'entity', uid: each }, path))
    .map(uidKey)
    .toSorted();
}

test('after any changes it is what following the path from every entity finds', async () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd');
  const attributes = fc.dictionary(
    fc.constantFrom('x', 'y'),
    fc.oneof(
      id.map(to),
      fc.array(id.map(to), { maxLength: 3 }).map((each) => set(...each)),
      id.map((each) => record({ x: to(each) })),
    ),
  );
  const change = fc.record({ id, attributes: fc.option(attributes, { nil: undefined }) });
  const path = fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 20 }), path, async (changes, names) => {
      const directory = directoryOf(node('a'), node('b', { x: to('a') }));
      await leading(directory, names, 'a');
      for (const { id: changed, attributes: given } of changes)
        if (given === undefined) directory.remove(uid(changed));
        else directory.apply(node(changed, given));
      for (const target of ['a', 'b'].filter((each) => directory.has(uid(each))))
        expect(await leading(directory, names, target)).toEqual(forwards(directory, names, target));
    }),
  );
});
