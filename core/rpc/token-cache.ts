import { hash } from 'node:crypto';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: Date;
}

/** Verified tokens until they expire, by SHA-256, so that a dump of the memory gives no token away. */
export interface TokenCache<T> {
  get(token: string, now: Date): T | undefined;
  set(token: string, value: T, expiresAt: Date): void;
}

/** @param maxEntries beyond it the one used longest ago is forgotten */
export function createTokenCache<T>(maxEntries: number): TokenCache<T> {
  const entries = new Map<string, Entry<T>>();
  return {
    get(token, now) {
      const key = keyOf(token);
      const entry = entries.get(key);
      if (entry === undefined) {
        return undefined;
      }
      entries.delete(key);
      if (entry.expiresAt <= now) {
        return undefined;
      }
      entries.set(key, entry);
      return entry.value;
    },
    set(token, value, expiresAt) {
      const [oldest] = entries.keys();
      if (entries.size >= maxEntries && oldest !== undefined) {
        entries.delete(oldest);
      }
      entries.set(keyOf(token), { value, expiresAt });
    },
  };
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64');
}
