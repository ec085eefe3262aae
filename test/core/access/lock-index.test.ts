import { describe, expect, test } from 'vitest';
import { uidKey } from '../../../core/access/entity.ts';
import { formatTarget, holdsAt, lastEnd, type Lock, type LockTarget } from '../../../core/access/lock.ts';
import { LockIndex } from '../../../core/access/lock-index.ts';

const ada = { type: 'User', id: 'ada' };
const now = new Date('2026-01-02T03:04:05.678Z');
const after = (ms: number): Date => new Date(now.getTime() + ms);
const onAda: LockTarget = { kind: 'entity', uid: ada };
const onGrant: LockTarget = { kind: 'grant', grantId: 'g' };

function lock(id: string, target: LockTarget, expiresAt?: Date): Lock {
  return { id, target, reason: 'x', createdBy: ada, createdAt: now, expiresAt };
}

function indexOf(...locks: readonly Lock[]): LockIndex {
  const index = new LockIndex();
  for (const each of locks) index.add(each);
  return index;
}

const ids = (locks: readonly Lock[]): string[] => locks.map(({ id }) => id);

describe('a lock', () => {
  test('holds until just before its end, one without an end always', () => {
    const ending = lock('a', onAda, after(10));
    expect([holdsAt(ending, after(9)), holdsAt(ending, after(10))]).toEqual([true, false]);
    expect(holdsAt(lock('b', onAda), after(1e12))).toBe(true);
  });

  test('of several the last end counts, and one without an end has none', () => {
    const [one, other] = [lock('a', onAda, after(10)), lock('b', onAda, after(20))];
    expect(lastEnd([one, other])).toEqual(after(20));
    expect(lastEnd([one, lock('c', onAda), other])).toBeUndefined();
  });

  test('says what it stops', () => {
    expect([onAda, onGrant, { kind: 'everything' } as const].map(formatTarget)).toEqual([
      'User::"ada"',
      'grant g',
      'everything',
    ]);
  });
});

describe('the index', () => {
  test('finds locks by what they stop and by nothing else', () => {
    const index = indexOf(lock('a', onAda), lock('g', onGrant), lock('e', { kind: 'everything' }));
    expect(ids(index.onEntities([uidKey(ada), 'User::"eve"'], now))).toEqual(['a']);
    expect(ids(index.onGrant('g', now))).toEqual(['g']);
    expect(ids(index.onEverything(now))).toEqual(['e']);
    expect(ids(index.onGrant('h', now))).toEqual([]);
  });

  test('keeps locks on the same apart', () => {
    const index = indexOf(lock('a', onAda), lock('b', onAda));
    index.remove('a');
    expect([ids(index.onEntities([uidKey(ada)], now)), index.size]).toEqual([['b'], 1]);
    index.remove('b');
    index.remove('b');
    expect([index.onEntities([uidKey(ada)], now), index.size, index.get('b')]).toEqual([[], 0, undefined]);
  });

  test('leaves out what has ended, and forgets it when it is pruned', () => {
    const index = indexOf(lock('a', onAda, after(10)), lock('b', onAda));
    expect(ids(index.onEntities([uidKey(ada)], after(10)))).toEqual(['b']);
    index.prune(after(9));
    expect(index.size).toBe(2);
    index.prune(after(10));
    expect(index.size).toBe(1);
  });

  test('takes a lock that comes again for the same', () => {
    const index = indexOf(lock('a', onAda), lock('a', onAda));
    expect(index.size).toBe(1);
    index.clear();
    expect(index.size).toBe(0);
  });
});
