import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrantCompactor } from '../../../core/access/compact-grant.ts';
import { Directory } from '../../../core/access/directory.ts';
import { type EntityUid, sameUid, uidKey } from '../../../core/access/entity.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import { GrantTable } from '../../../core/access/grant-table.ts';
import { GrantIndex, type GrantQuestion } from '../../../core/access/grant-index.ts';
import { plainGrant } from '../../support/plain-grant.ts';

const ada = { type: 'User', id: 'ada' };
const read = { type: 'Action', id: 'read' };
const orders = { type: 'Database', id: 'orders' };
const prod = { type: 'Environment', id: 'prod' };
const at = new Date('2026-01-02T03:04:05.678Z');
const after = (ms: number): Date => new Date(at.getTime() + ms);

const grant: LiveGrant = {
  ...plainGrant,
  id: 'g1',
  requestId: 'r1',
  item: 0,
  requester: ada,
  subject: ada,
  actions: [read],
  resource: orders,
  workflow: 'w',
  steps: [],
  reason: '',
  ticket: '',
  startsAt: at,
  expiresAt: after(1_000),
};

const directory = new Directory();
directory.apply({ uid: prod, attributes: new Map(), parents: [], tags: new Map() });
directory.apply({ uid: orders, attributes: new Map(), parents: [prod], tags: new Map() });

const question: GrantQuestion = { principal: ada, action: read, resource: orders, directory, late: at };

test('a grant covers its subject, its actions and its resource', () => {
  expect(covering([grant])).toEqual(['g1']);
});

test.for([
  ['another subject', { principal: { type: 'User', id: 'bob' } }],
  ['a service of the same id', { principal: { type: 'Service', id: 'ada' } }],
  ['another action', { action: { type: 'Action', id: 'write' } }],
  ['an action of the same id in another namespace', { action: { type: 'Curfew::Action', id: 'read' } }],
  ['another resource', { resource: { type: 'Database', id: 'payments' } }],
  ['what contains its resource', { resource: prod }],
] as const)('a grant does not cover %s', ([, changes]) => {
  expect(covering([grant], changes)).toEqual([]);
});

test('W16 a grant of a container covers what is inside of it now, and no name that only looks alike', () => {
  const container = { ...grant, resource: prod };
  expect(covering([container])).toEqual(['g1']);
  expect(covering([container], { resource: { type: 'Environment', id: 'prod-eu' } })).toEqual([]);
  expect(covering([container], { resource: { type: 'Database', id: 'new' } })).toEqual([]);
});

test('a grant of a container that was deleted covers nothing that was inside of it', () => {
  const without = new Directory();
  without.apply({ uid: orders, attributes: new Map(), parents: [prod], tags: new Map() });
  expect(covering([{ ...grant, resource: prod }], { directory: without })).toEqual([]);
});

test('a grant covers until the last millisecond before its end, and not at its end', () => {
  expect(covering([grant], { late: after(999) })).toEqual(['g1']);
  expect(covering([grant], { late: after(1_000) })).toEqual([]);
  expect(covering([grant], { late: after(1_001) })).toEqual([]);
});

test('a grant is live from its ledger row on, even where the clock is behind its start', () => {
  expect(covering([grant], { late: after(-1) })).toEqual(['g1']);
});

test('of several the one that lasts longest comes first, among equals by id, however they came', () => {
  const grants = [
    { ...grant, id: 'b' },
    { ...grant, id: 'long', expiresAt: after(5_000) },
    { ...grant, id: 'a' },
  ];
  expect(covering(grants)).toEqual(['long', 'a', 'b']);
  expect(covering(grants.toReversed())).toEqual(['long', 'a', 'b']);
});

test('ending one grant does not touch another', () => {
  const index = indexOf([grant, { ...grant, id: 'g2' }]);
  index.remove('g1');
  expect(index.covering(question).map((it) => it.id)).toEqual(['g2']);
});

test('pruning forgets what had expired by then, and no more', () => {
  const index = indexOf([grant, { ...grant, id: 'g2', expiresAt: after(2_000) }]);
  index.prune(after(999));
  expect(index.size).toBe(2);
  index.prune(after(1_000));
  expect(index.size).toBe(1);
  expect(index.covering(question).map((it) => it.id)).toEqual(['g2']);
});

test('pruning leaves a grant that was extended, and forgets it at its new end', () => {
  const index = indexOf([grant]);
  index.change('g1', { expiresAt: after(5_000) });
  index.prune(after(4_999));
  expect(index.size).toBe(1);
  index.prune(after(5_000));
  expect(index.size).toBe(0);
});

test('grants that come and go keep no memory of those before', () => {
  const index = indexOf([]);
  for (let round = 0; round < 5_000; round += 1) {
    index.add({ ...grant, id: String(round), expiresAt: after(round) });
    index.remove(String(round - 1));
  }
  expect(index.size).toBe(1);
  index.prune(after(4_998));
  expect(index.get('4999')).toEqual({ ...grant, id: '4999', expiresAt: after(4_999) });
});

test('who goes through all grants meets those that change and those that come by a reset meanwhile', () => {
  const index = indexOf(['g1', 'g2', 'g3'].map((id) => ({ ...grant, id })));
  const met: string[] = [];
  for (const { id, usesLeft } of index.all()) {
    met.push(`${id} ${usesLeft}`);
    if (id === 'g1') index.change('g3', { usesLeft: 2 });
    if (id !== 'g3') continue;
    const table = new GrantTable();
    table.add(new GrantCompactor().compact({ ...grant, id: 'g4' }));
    index.reset(table);
  }
  expect(met).toEqual(['g1 undefined', 'g2 undefined', 'g3 2', 'g4 undefined']);
});

test('a reset leaves nothing of what was there, and its grants are found by id and by what they cover', () => {
  const index = indexOf([grant]);
  const before = index.stampOf(ada);
  const table = new GrantTable();
  const compactor = new GrantCompactor();
  for (let each = 0; each < 3_000; each += 1)
    table.add(
      compactor.compact({ ...grant, id: `n${each}`, resource: { type: 'Database', id: String(each) } }),
    );
  index.reset(table);
  expect(index.size).toBe(3_000);
  expect(index.get('g1')).toBeUndefined();
  expect(index.covering(question)).toEqual([]);
  expect(index.stampOf(ada)).not.toBe(before);
  for (const id of ['0', '1499', '2999']) {
    expect(index.get(`n${id}`)?.resource.id).toBe(id);
    const [found, ...others] = index.covering({ ...question, resource: { type: 'Database', id } });
    expect([found?.id, others]).toEqual([`n${id}`, []]);
  }
  index.prune(after(1_000));
  expect(index.size).toBe(0);
});

const uids = (type: string, ...ids: readonly string[]): readonly EntityUid[] =>
  ids.map((id) => ({ type, id }));
const subjects = [...uids('User', 'ada', 'bob'), ...uids('Service', 'ada')];
const actions = uids('Action', 'read', 'write', 'drop');
const resources = uids('Node', 'a', 'b', 'c', 'd');

const anyGrant: fc.Arbitrary<LiveGrant> = fc
  .record({
    id: fc.constantFrom('1', '2', '3', '4', '5', '6'),
    subject: fc.constantFrom(...subjects),
    actions: fc.subarray([...actions], { minLength: 1 }),
    resource: fc.constantFrom(...resources),
    expiresAt: fc.nat(4).map(after),
  })
  .map((chosen) => ({ ...grant, ...chosen }));

type Step =
  | { readonly do: 'add'; readonly grant: LiveGrant }
  | { readonly do: 'remove'; readonly id: string }
  | { readonly do: 'prune'; readonly before: Date };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyGrant.map((it): Step => ({ do: 'add', grant: it })) },
  { weight: 2, arbitrary: fc.constantFrom('1', '2', '3', '7').map((id): Step => ({ do: 'remove', id })) },
  { weight: 1, arbitrary: fc.nat(4).map((ms): Step => ({ do: 'prune', before: after(ms) })) },
);

const anyDirectory = fc
  .array(fc.subarray([...resources]), { minLength: resources.length, maxLength: resources.length })
  .map((parents) => {
    const filled = new Directory();
    for (const [i, uid] of resources.entries())
      filled.apply({ uid, attributes: new Map(), parents: parents[i] ?? [], tags: new Map() });
    return filled;
  });

test('the index answers as a plain list of grants would, after any changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), anyDirectory, fc.nat(5), (steps, tree, ms) => {
      const index = new GrantIndex();
      let model: readonly LiveGrant[] = [];
      for (const one of steps) model = take(index, model, one);
      expect(index.size).toBe(model.length);
      for (const principal of subjects) {
        for (const action of actions)
          for (const resource of resources) {
            const asked = { principal, action, resource, directory: tree, late: after(ms) };
            expect(index.covering(asked)).toEqual(naiveCovering(model, asked));
          }
        const late = after(ms);
        for (const action of actions) {
          const some = resources.slice(0, 2);
          const resourceKeys = new Set(some.flatMap((resource) => [...tree.selfAndAncestors(resource)]));
          const wanted = some.flatMap((resource) =>
            naiveCovering(model, { principal, action, resource, directory: tree, late }),
          );
          const found = index.coveringAnyOf({ principal, action, resourceKeys: () => resourceKeys, late });
          expect(found).toEqual(inOrder([...new Set(wanted)]));
        }
      }
    }),
  );
});

test('W16 a resource that is created outside of every granted container changes what no grant covers', () => {
  const created = uids('Node', 'aa', 'a/b', 'A', 'new');
  fc.assert(
    fc.property(
      fc.array(anyGrant, { maxLength: 8 }),
      fc.array(fc.subarray([...resources]), { minLength: resources.length, maxLength: resources.length }),
      fc.constantFrom(...created),
      fc.subarray([...resources]),
      (grants, parents, uid, above) => {
        const index = indexOf(grants);
        const tree = new Directory();
        for (const [i, each] of resources.entries())
          tree.apply({ uid: each, attributes: new Map(), parents: parents[i] ?? [], tags: new Map() });
        const granted = new Set(grants.map(({ resource }) => uidKey(resource)));
        const outside = above.filter((it) =>
          [...tree.selfAndAncestors(it)].every((key) => !granted.has(key)),
        );
        const ask = (resource: EntityUid) =>
          subjects.flatMap((principal) =>
            actions.map((action) =>
              index.covering({ principal, action, resource, directory: tree, late: at }),
            ),
          );
        const before = resources.map(ask);
        tree.apply({ uid, attributes: new Map(), parents: outside, tags: new Map() });
        expect(resources.map(ask)).toEqual(before);
        expect(ask(uid).flat()).toEqual([]);
      },
    ),
  );
});

function take(index: GrantIndex, model: readonly LiveGrant[], one: Step): readonly LiveGrant[] {
  switch (one.do) {
    case 'add':
      index.add(one.grant);
      expect(index.get(one.grant.id)).toEqual(one.grant);
      return [...model.filter((it) => it.id !== one.grant.id), one.grant];
    case 'remove':
      index.remove(one.id);
      expect(index.get(one.id)).toBeUndefined();
      return model.filter((it) => it.id !== one.id);
    case 'prune':
      index.prune(one.before);
      return model.filter((it) => it.expiresAt > one.before);
  }
}

function naiveCovering(model: readonly LiveGrant[], asked: GrantQuestion): readonly LiveGrant[] {
  const above = asked.directory.selfAndAncestors(asked.resource);
  return inOrder(
    model
      .filter((it) => sameUid(it.subject, asked.principal) && it.expiresAt > asked.late)
      .filter((it) => above.has(uidKey(it.resource)) && it.actions.some((a) => sameUid(a, asked.action))),
  );
}

function inOrder(grants: readonly LiveGrant[]): readonly LiveGrant[] {
  return grants
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .toSorted((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime());
}

function indexOf(grants: readonly LiveGrant[]): GrantIndex {
  const index = new GrantIndex();
  for (const one of grants) index.add(one);
  return index;
}

function covering(grants: readonly LiveGrant[], changes: Partial<GrantQuestion> = {}): readonly string[] {
  return indexOf(grants)
    .covering({ ...question, ...changes })
    .map((it) => it.id);
}
