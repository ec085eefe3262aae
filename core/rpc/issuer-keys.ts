import { readFile, stat } from 'node:fs/promises';
import {
  type CryptoKey,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  createLocalJWKSet,
  errors,
} from 'jose';
import type { KeySource } from '../runtime/issuer.ts';
import { remoteKeys, type RemoteKeysOptions } from './remote-keys.ts';

/** Finds the key that a token's header names among an issuer's keys; nothing in the token says where these are. */
export type FindKey = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** Hears when keys cannot be read any more; once, until they can again. */
export type OnTrouble = (error: KeysUnavailableError) => void;

/** An issuer's keys could not be read: no fault of the token's. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * The keys at that source. A URL is asked again for an unknown `kid`, at most twice a minute, and its keys are kept for an hour while it
 * cannot be reached; a file is read again when it changes.
 */
export function issuerKeys(source: KeySource, onTrouble: OnTrouble): FindKey {
  const place = source.kind === 'url' ? source.url.href : source.path;
  const unavailable = (cause: unknown) =>
    new KeysUnavailableError(`cannot read the keys at ${place}`, { cause });
  let isTroubled = false;
  function onLook(trouble: unknown): void {
    if (trouble !== undefined && !isTroubled) {
      onTrouble(unavailable(trouble));
    }
    isTroubled = trouble !== undefined;
  }
  const find = source.kind === 'url' ? remoteKeys(source.url, { onLook }) : fileKeys(source.path, { onLook });
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (cause) {
      throw isAboutToken(cause) ? cause : unavailable(cause);
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

function fileKeys(path: string, { onLook }: Pick<RemoteKeysOptions, 'onLook'>): FindKey {
  let seen: { readonly version: string; readonly find: FindKey } | undefined;
  async function look(): Promise<FindKey> {
    const { mtimeMs, size, ino } = await stat(path);
    const version = `${mtimeMs}/${size}/${ino}`;
    if (seen?.version !== version) {
      const keys: unknown = JSON.parse(await readFile(path, 'utf8'));
      // createLocalJWKSet checks the shape itself and throws JWKSInvalid
      seen = { version, find: createLocalJWKSet(keys as Parameters<typeof createLocalJWKSet>[0]) };
    }
    return seen.find;
  }
  return async (header, token) => {
    let find: FindKey;
    try {
      find = await look();
      onLook(undefined);
    } catch (error) {
      onLook(error);
      throw error;
    }
    return await find(header, token);
  };
}
