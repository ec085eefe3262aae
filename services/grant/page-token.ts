import { fieldError } from '../../core/access/access-error.ts';

const DEFAULT_SIZE = 50;

/** Where a list goes on: below a position, `size` entries. */
export interface Page {
  readonly before: bigint | undefined;
  readonly size: number;
}

/** Reads `page_size` and `page_token`. @throws AccessError FIELD_INVALID when the token is not one that we gave */
export function readPage(request: { readonly pageSize: number; readonly pageToken: string }): Page {
  const size = request.pageSize === 0 ? DEFAULT_SIZE : request.pageSize;
  if (request.pageToken === '') return { before: undefined, size };
  const text = Buffer.from(request.pageToken, 'base64url').toString('latin1');
  if (!/^before:\d{1,18}$/.test(text)) {
    throw fieldError(
      'page_token',
      `seen ${JSON.stringify(request.pageToken.slice(0, 80))}, wanted the next_page_token of the page before`,
    );
  }
  return { before: BigInt(text.slice('before:'.length)), size };
}

/** The token for what follows the position; empty when nothing does. */
export function nextPageToken(lastPosition: bigint | undefined): string {
  return lastPosition === undefined
    ? ''
    : Buffer.from(`before:${lastPosition}`, 'latin1').toString('base64url');
}
