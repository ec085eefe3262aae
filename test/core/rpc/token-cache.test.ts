import { expect, test } from 'vitest';
import { createTokenCache } from '../../../core/rpc/token-cache.ts';

const now = new Date('2026-11-23T00:00:00Z');
const later = new Date('2026-11-23T01:00:00Z');

test('a full cache forgets the token used longest ago', () => {
  const cache = createTokenCache<string>(2);
  cache.set('a', 'Ada', later);
  cache.set('b', 'Bob', later);
  expect(cache.get('a', now)).toBe('Ada');
  cache.set('c', 'Cyd', later);
  expect(['a', 'b', 'c'].map((token) => cache.get(token, now))).toEqual(['Ada', undefined, 'Cyd']);
});

test('a token is gone at its end', () => {
  const cache = createTokenCache<string>(2);
  cache.set('a', 'Ada', later);
  expect(cache.get('a', new Date(later.getTime() - 1))).toBe('Ada');
  expect(cache.get('a', later)).toBeUndefined();
  expect(cache.get('a', now)).toBeUndefined();
});
