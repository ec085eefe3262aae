import { isFieldAt, lengthBeforeUse } from './bytes-before-use.ts';
import { KNOWN_QUESTION_BYTES } from './limits.ts';
import type { Kept } from './memo.ts';
import { RecentMap } from '../../core/access/recent-map.ts';

/**
 * What is kept of questions by the very bytes that they were asked in: most are asked again and again by the same application, and to read and check one
 * costs several times what its answer does. The name of the use, which is another in each call of the SDK, is left out: no kept answer is
 * of a counted grant.
 */
export interface KnownQuestions {
  find(bytes: Uint8Array): Kept | undefined;
  /** Takes note of what was kept of the question. @param useId what it names its use; empty when it has no name */
  note(bytes: Uint8Array, useId: string, kept: Kept): void;
}

/** Knows none. */
export const noKnownQuestions: KnownQuestions = { find: () => undefined, note: () => undefined };

/** @param most how many it knows at once */
export function createKnownQuestions(most: number): KnownQuestions {
  const known = new RecentMap<Kept>(most);
  return {
    find(bytes) {
      const length = lengthBeforeUse(bytes);
      return length > KNOWN_QUESTION_BYTES ? undefined : known.get(keyOf(bytes, length));
    },
    note(bytes, useId, kept) {
      const length = useId === '' ? bytes.length : lengthBeforeUse(bytes);
      // What is known is whole: whatever comes after it in the bytes of another question is a field of that, and nothing in its midst.
      const isNamedOtherwise = useId !== '' && (length === bytes.length || !isFieldAt(bytes, length));
      if (length <= KNOWN_QUESTION_BYTES && !isNamedOtherwise) known.set(keyOf(bytes, length), kept);
    },
  };
}

/** Each byte is one character. */
function keyOf(bytes: Uint8Array, length: number): string {
  const { buffer, byteOffset, byteLength } = bytes;
  const asBuffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength);
  return asBuffer.toString('latin1', 0, length);
}
