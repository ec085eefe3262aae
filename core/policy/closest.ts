/** The known word that a misspelt one most likely means: at most a third of its letters (and at most 3) differ, or their case. */
function closest(word: string, known: Iterable<string>): string | undefined {
  const short = word.slice(0, 64); // bounds the distance's cost; known words are shorter
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.floor(short.length / 3));
  for (const candidate of known) {
    const distance = editDistance(short.toLowerCase(), candidate.toLowerCase());
    if (distance <= bestDistance && (best === undefined || distance < bestDistance)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** "did you mean `x`?", or "one of" what there is to choose from. */
export function suggest(word: string, known: readonly string[]): string {
  const best = closest(word, known);
  if (best !== undefined) return `did you mean \`${best}\`?`;
  return known.length === 0
    ? 'there is none to choose from'
    : `one of ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`;
}

/** Levenshtein distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
