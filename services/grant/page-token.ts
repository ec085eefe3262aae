import { type AccessError, fieldError } from '../../core/access/access-error.ts';

const DEFAULT_SIZE = 50;

/** Where a list goes on: `size` entries from a position on, of which it is not one. */
export interface Page<Position = bigint> {
  readonly before: Position | undefined;
  readonly size: number;
}

/** Reads `page_size` and `page_token`. @throws AccessError FIELD_INVALID when the token is not one that we gave */
export function readPage(request: { readonly pageSize: number; readonly pageToken: string }): Page {
  const size = pageSize(request);
  if (request.pageToken === '') return { before: undefined, size };
  const text = Buffer.from(request.pageToken, 'base64url').toString('latin1');
  if (!/^before:\d{1,18}$/.test(text)) {
    throw foreignToken(request.pageToken);
  }
  return { before: BigInt(text.slice('before:'.length)), size };
}

/** How many entries are asked for. */
export function pageSize(request: { readonly pageSize: number }): number {
  return request.pageSize === 0 ? DEFAULT_SIZE : request.pageSize;
}

/** The token for what follows the position; empty when nothing does. */
export function nextPageToken(lastPosition: bigint | undefined): string {
  return lastPosition === undefined
    ? ''
    : Buffer.from(`before:${lastPosition}`, 'latin1').toString('base64url');
}

/** Reads the `page_token` of a list that is ordered by key. @throws AccessError FIELD_INVALID */
export function readKeyToken(token: string): string {
  if (token === '') return '';
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (text.startsWith('after:')) return text.slice('after:'.length);
  throw foreignToken(token);
}

/** The token for what follows the key; empty when nothing does. */
export function keyToken(lastKey: string | undefined): string {
  return lastKey === undefined ? '' : Buffer.from(`after:${lastKey}`, 'utf8').toString('base64url');
}

/** That the token is not one that we gave. */
export function foreignToken(token: string): AccessError {
  return fieldError(
    'page_token',
    `seen ${JSON.stringify(token.slice(0, 80))}, wanted the next_page_token of the page before`,
  );
}
