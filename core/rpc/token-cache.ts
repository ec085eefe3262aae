import { hash } from 'node:crypto';
import { RecentMap } from '../access/recent-map.ts';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: Date;
}

/** Verified tokens until they expire, by SHA-256, so that a dump of the memory gives no token away. */
export interface TokenCache<T> {
  get(token: string, now: Date): T | undefined;
  set(token: string, value: T, expiresAt: Date): void;
}

/** @param maxEntries beyond it those that nobody sent lately are forgotten */
export function createTokenCache<T>(maxEntries: number): TokenCache<T> {
  const entries = new RecentMap<Entry<T>>(maxEntries);
  return {
    get(token, now) {
      const key = keyOf(token);
      const entry = entries.get(key);
      if (entry === undefined || entry.expiresAt > now) return entry?.value;
      entries.delete(key);
      return undefined;
    },
    set: (token, value, expiresAt) => entries.set(keyOf(token), { value, expiresAt }),
  };
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64');
}
