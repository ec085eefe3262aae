import type { EntityUid } from '../../core/access/entity.ts';
import { KNOWN_QUESTION_BYTES } from './limits.ts';
import type { Kept } from './memo.ts';
import { RecentMap } from '../../core/access/recent-map.ts';

/** A question whose answer can be given again without reading it. */
export interface KnownQuestion {
  readonly principal: EntityUid;
  readonly kept: Kept;
}

/**
 * Questions by the very bytes that they were asked in: most are asked again and again by the same application, and to read and check one
 * costs several times what its answer does.
 */
export interface KnownQuestions {
  find(bytes: Uint8Array): KnownQuestion | undefined;
  /** Takes note of what was kept of the question. */
  note(bytes: Uint8Array, known: KnownQuestion): void;
}

/** Knows none. */
export const noKnownQuestions: KnownQuestions = { find: () => undefined, note: () => undefined };

/** @param most how many it knows at once */
export function createKnownQuestions(most: number): KnownQuestions {
  const known = new RecentMap<KnownQuestion>(most);
  return {
    find: (bytes) => (bytes.length > KNOWN_QUESTION_BYTES ? undefined : known.get(keyOf(bytes))),
    note: (bytes, question) => {
      if (bytes.length <= KNOWN_QUESTION_BYTES) known.set(keyOf(bytes), question);
    },
  };
}

/** Each byte is one character. */
function keyOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
