import { readFile, stat } from 'node:fs/promises';
import { CurfewError } from './curfew-error.ts';

/** A bearer token, where to get one before each call, or the file that holds one; a file is read again when it changes. */
export type TokenSource = string | (() => string | Promise<string>) | { readonly file: string };

/** What RFC 6750 allows in a bearer token. */
const bearer = /^[A-Za-z0-9._~+/-]+=*$/;

/** A function that gives the token of now. @throws CurfewError UNAUTHENTICATED from it when there is none */
export function tokenReader(source: TokenSource): () => string | Promise<string> {
  if (typeof source === 'string') {
    const token = checkToken(source, 'the token');
    return () => token;
  }
  return typeof source === 'function' ? () => call(source) : fileReader(source.file);
}

async function call(source: () => string | Promise<string>): Promise<string> {
  let token: unknown;
  try {
    token = await source();
  } catch (cause) {
    throw unauthenticated('the token function failed', cause);
  }
  return checkToken(token, 'the token that the token function gave');
}

function fileReader(path: string): () => Promise<string> {
  let known: { readonly version: string; readonly token: string } | undefined;
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const version = `${mtimeMs}/${size}/${ino}`;
      if (known?.version !== version) known = { version, token: (await readFile(path, 'utf8')).trim() };
    } catch (cause) {
      throw unauthenticated(`cannot read the token file ${path}`, cause);
    }
    return checkToken(known.token, `the token in ${path}`);
  };
}

/** Says what is wrong with it and never what is in it. */
function checkToken(token: unknown, what: string): string {
  if (typeof token !== 'string') throw unauthenticated(`${what} is no string`);
  if (token === '') throw unauthenticated(`${what} is empty`);
  if (!bearer.test(token)) throw unauthenticated(`${what} has characters that no bearer token has`);
  return token;
}

function unauthenticated(problem: string, cause?: unknown): CurfewError {
  const message = `${problem}; wanted a JWT of an issuer that Curfew knows`;
  return new CurfewError('UNAUTHENTICATED', message, { reason: 'CREDENTIALS_MISSING', cause });
}
