import { readFile, stat } from 'node:fs/promises';
import {
  type CryptoKey,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
} from 'jose';
import type { KeySource } from '../runtime/issuer.ts';

/** Finds the key that a token's header names among an issuer's keys; nothing in the token says where these are. */
export type FindKey = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** Hears when keys cannot be read any more; once, until they can again. */
export type OnTrouble = (error: KeysUnavailableError) => void;

/** An issuer's keys could not be read: no fault of the token's. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * The keys at that source. A URL is asked again for an unknown `kid`, at most twice a minute; a file is read again when it changes.
 */
export function issuerKeys(source: KeySource, onTrouble: OnTrouble): FindKey {
  const find = source.kind === 'url' ? createRemoteJWKSet(source.url) : fileKeys(source.path);
  const place = source.kind === 'url' ? source.url.href : source.path;
  let isTroubled = false;
  return async (header, token) => {
    try {
      const key = await find(header, token);
      isTroubled = false;
      return key;
    } catch (cause) {
      if (isAboutToken(cause)) {
        throw cause;
      }
      const error = new KeysUnavailableError(`cannot read the keys at ${place}`, { cause });
      if (!isTroubled) {
        isTroubled = true;
        onTrouble(error);
      }
      throw error;
    }
  };
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function fileKeys(path: string): FindKey {
  let seen: { readonly version: string; readonly find: FindKey } | undefined;
  return async (header, token) => {
    const { mtimeMs, size, ino } = await stat(path);
    const version = `${mtimeMs}/${size}/${ino}`;
    if (seen?.version !== version) {
      const keys: unknown = JSON.parse(await readFile(path, 'utf8'));
      // createLocalJWKSet checks the shape itself and throws JWKSInvalid
      seen = { version, find: createLocalJWKSet(keys as Parameters<typeof createLocalJWKSet>[0]) };
    }
    return await seen.find(header, token);
  };
}
