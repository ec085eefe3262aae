import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { uidKey } from '../../../core/access/entity.ts';
import { createEntityPages, type EntityPages } from '../../../services/grant/entity-pages.ts';

const entity = (type: string, id: string) => ({
  uid: { type, id },
  attributes: new Map(),
  parents: [],
  tags: new Map(),
});

async function all(pages: EntityPages, type: string, size: number): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: Awaited<ReturnType<EntityPages>> = await pages({ type, after, size });
    expect(page.entities.length).toBeLessThanOrEqual(size);
    keys.push(...page.entities.map(({ uid }) => uidKey(uid)));
    after = page.next;
  }
  return keys;
}

test('whatever there is comes once and in order, page by page, of every type or of one', async () => {
  const type = fc.constantFrom('A', 'AB', 'B', 'N::A');
  const uids = fc.uniqueArray(fc.record({ type, id: fc.string() }), { selector: uidKey, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(uids, fc.integer({ min: 1, max: 20 }), type, async (given, size, only) => {
      const directory = new Directory();
      for (const uid of given) directory.apply(entity(uid.type, uid.id));
      const pages = createEntityPages({ directory, generation: 1 });
      expect(await all(pages, '', size)).toEqual(given.map(uidKey).toSorted());
      expect(await all(pages, only, size)).toEqual(
        given
          .filter((uid) => uid.type === only)
          .map(uidKey)
          .toSorted(),
      );
    }),
  );
});

test('tens of thousands are put in order while others have their turns, and again only after a change', async () => {
  const directory = new Directory();
  const count = 30_000;
  for (let index = 0; index < count; index += 1)
    directory.apply(entity('U', String((index * 7_919) % count)));
  const replica = { directory, generation: 1 };
  const pages = createEntityPages(replica);
  const keys = await all(pages, '', 500);
  expect(keys).toEqual([...directory.keys()].toSorted());
  directory.apply(entity('U', 'new'));
  directory.remove({ type: 'U', id: '1' });
  replica.generation = 2;
  const after = await all(pages, '', 500);
  expect(after.filter((key) => !keys.includes(key))).toEqual(['U::"new"']);
  expect(after.length).toBe(count);
});
