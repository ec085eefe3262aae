/** The most code points of a reason or a comment. */
export const MAX_TEXT = 2_000;
/** The most code points of a ticket. */
export const MAX_TICKET = 200;

/**
 * What makes a text show as something else: controls, everything that Unicode calls a format character (bidirectional marks, zero-width
 * and tag characters, the soft hyphen), line and paragraph separators, and whatever shows as nothing.
 */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Says what is wrong with a text that people are to read, as "seen …, wanted …"; undefined when nothing is. It is stored as given. */
export function checkFreeText(text: string, maxCodePoints: number = MAX_TEXT): string | undefined {
  if (!text.isWellFormed()) return 'seen a lone surrogate, wanted well-formed Unicode';
  const length = Array.from(text).length;
  if (length > maxCodePoints) return `seen ${length} characters, wanted at most ${maxCodePoints}`;
  const bad = DECEPTIVE.exec(text)?.[0];
  if (bad === undefined) return undefined;
  const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `seen the character U+${code}, wanted one line of text without control, invisible or direction-changing characters`;
}
