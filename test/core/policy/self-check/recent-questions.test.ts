import { expect, test } from 'vitest';
import { type Entity, type EntityUid, uidKey } from '../../../../core/access/entity.ts';
import type { AskedQuestion } from '../../../../core/policy/engine.ts';
import { RecentQuestions } from '../../../../core/policy/self-check/recent-questions.ts';
import { entity } from '../questions.ts';

const uid = (id: string): EntityUid => ({ type: 'User', id });

function asked(id: string, entities: readonly Entity[] = []): AskedQuestion {
  return {
    principal: uid(id),
    action: entity('Action::"read"'),
    resource: entity('Database::"orders"'),
    context: new Map([['peer', { kind: 'entity', uid: uid('peer') }]]),
    entities,
  };
}

function inside(id: string, ...parents: readonly string[]): Entity {
  return { uid: uid(id), attributes: new Map(), parents: parents.map(uid), tags: new Map() };
}

const found = (recent: RecentQuestions, known: readonly Entity[] = []) => {
  const byKey = new Map(known.map((it) => [uidKey(it.uid), it]));
  return recent.distinct((it) => byKey.get(uidKey(it)));
};

test('the last different questions are kept, and no more than so many', () => {
  const recent = new RecentQuestions();
  for (let index = 0; index < 1_000; index += 1) recent.note('access', asked(`u${index}`));
  for (let index = 0; index < 20; index += 1) recent.note('access', asked('often'));
  recent.note('workflows', asked('often'));
  const ids = found(recent).map(({ phase, question }) => `${phase} ${question.principal.id}`);
  expect(ids.slice(0, 3)).toEqual(['workflows often', 'access often', 'access u999']);
  expect(ids).toHaveLength(50);
  expect(new Set(ids).size).toBe(50);
});

test('each comes with what it leads to in the directory of now, or that was sent with it, without a cycle', () => {
  const recent = new RecentQuestions();
  recent.note('access', asked('ada', [inside('ada', 'old'), inside('sent')]));
  const [only] = found(recent, [inside('ada', 'staff'), inside('staff', 'all'), inside('all', 'staff')]);
  expect(only?.world.map((it) => [it.uid.id, it.parents.map(({ id }) => id)])).toEqual([
    ['ada', ['staff']],
    ['staff', ['all']],
    ['all', []],
  ]);
  recent.note('access', asked('sent', [inside('sent')]));
  expect(found(recent)[0]?.world).toEqual([inside('sent')]);
});
