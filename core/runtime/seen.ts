const longestSeen = 80;

/** A value as an error may show it: quoted, control and direction-changing characters escaped, cut after 80 characters. */
export function showSeen(value: string): string {
  const cut = value.length > longestSeen ? `${value.slice(0, longestSeen)}…` : value;
  return JSON.stringify(cut).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
