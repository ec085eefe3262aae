/** Control, format (direction, zero width; U+2065 is kept for one more) and separator characters, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u2065]/gu;

/** Text of others as a terminal may have it: what would move the cursor, change colours or turn the line around is written out. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    if (character === '\n') return String.raw`\n`;
    return String.raw`\u{${character.codePointAt(0)?.toString(16) ?? ''}}`;
  });
}

/** JSON that is the same to a parser and harmless to a terminal. */
export function printableJson(json: unknown): string {
  return printableJsonText(JSON.stringify(json, undefined, 2));
}

/** The same for JSON that is a text already. */
export function printableJsonText(json: string): string {
  return json.replace(unprintable, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, index) => {
          const unit = character.charCodeAt(index).toString(16).padStart(4, '0');
          return String.raw`\u${unit}`;
        }).join(''),
  );
}

/** A template whose values are made printable: text`by ${name}`. */
export function text(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | bigint)[]
): string {
  return String.raw({ raw: strings }, ...values.map((value) => printable(String(value))));
}

/** The text, or its beginning and an ellipsis. */
export function shorten(long: string, maxLength: number): string {
  const characters = Array.from(long);
  return characters.length <= maxLength ? long : `${characters.slice(0, maxLength - 1).join('')}…`;
}
