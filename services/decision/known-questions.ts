import type { EntityUid } from '../../core/access/entity.ts';
import { isFieldAt, lengthBeforeUse } from './bytes-before-use.ts';
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
 * costs several times what its answer does. The name of the use, which is another in each call of the SDK, is left out: no kept answer is
 * of a counted grant.
 */
export interface KnownQuestions {
  find(bytes: Uint8Array): KnownQuestion | undefined;
  /** Takes note of what was kept of the question. @param useId what it names its use; empty when it has no name */
  note(bytes: Uint8Array, useId: string, known: KnownQuestion): void;
}

/** Knows none. */
export const noKnownQuestions: KnownQuestions = { find: () => undefined, note: () => undefined };

/** @param most how many it knows at once */
export function createKnownQuestions(most: number): KnownQuestions {
  const known = new RecentMap<KnownQuestion>(most);
  return {
    find(bytes) {
      const length = lengthBeforeUse(bytes);
      return length > KNOWN_QUESTION_BYTES ? undefined : known.get(keyOf(bytes, length));
    },
    note(bytes, useId, question) {
      const length = useId === '' ? bytes.length : lengthBeforeUse(bytes);
      // What is known is whole: whatever comes after it in the bytes of another question is a field of that, and nothing in its midst.
      const isNamedOtherwise = useId !== '' && (length === bytes.length || !isFieldAt(bytes, length));
      if (length <= KNOWN_QUESTION_BYTES && !isNamedOtherwise) known.set(keyOf(bytes, length), question);
    },
  };
}

/** Each byte is one character. */
function keyOf({ buffer, byteOffset }: Uint8Array, length: number): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
