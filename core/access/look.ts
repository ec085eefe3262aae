import { rectifyConfusion } from 'unicode-confusables';

/** Of the texts that there are, none takes more. */
const MOST_ROUNDS = 5;

/**
 * What an id looks like: equal for ids that people take for one another, because they differ in case, in how their characters are
 * composed, or in characters that look the same (the skeleton of Unicode UTS 39, without case).
 */
export function lookOf(id: string): string {
  let look = id;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const next = folded(rectifyConfusion(folded(look)));
    if (next === look) return look;
    look = next;
  }
  return look;
}

/** By way of capitals, which fold what has no small letter of its own: ß is SS. */
function folded(text: string): string {
  return text.normalize('NFKD').toUpperCase().toLowerCase();
}
