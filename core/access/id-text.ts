/** Control characters, and those that change the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** Zero-width characters, fillers, soft hyphens, variation selectors and tags: two ids that differ in these alone look the same. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
/** Pictures that Unicode makes of several characters, some of them invisible by themselves. */
const PICTURES = /\p{RGI_Emoji}/gv;

/** The scripts that have letters which look like those of another. */
const SCRIPTS = {
  Latin: /\p{Script=Latin}/u,
  Cyrillic: /\p{Script=Cyrillic}/u,
  Greek: /\p{Script=Greek}/u,
  Armenian: /\p{Script=Armenian}/u,
  Georgian: /\p{Script=Georgian}/u,
  Cherokee: /\p{Script=Cherokee}/u,
  Coptic: /\p{Script=Coptic}/u,
  Lisu: /\p{Script=Lisu}/u,
  Hebrew: /\p{Script=Hebrew}/u,
  Arabic: /\p{Script=Arabic}/u,
} as const;

const ASCII = /^[\x20-\x7e]*$/;

/**
 * What an entity's id would have to be for people to compare by eye what Cedar compares: `Unicode normal form C`. Undefined when it is
 * so already: then it is the only one that is written so, whatever form it was typed in.
 */
export function idTextWanted(id: string): string | undefined {
  if (ASCII.test(id)) return undefined;
  if (!id.isWellFormed()) return 'well-formed Unicode (this has a lone surrogate)';
  if (UNPRINTABLE.test(id)) return 'no control or direction-changing characters';
  if (INVISIBLE.test(id.replaceAll(PICTURES, ''))) return 'no invisible characters';
  return id.normalize('NFC') === id ? undefined : 'Unicode normal form C';
}

/** The scripts of an id that mixes some whose letters look alike, such as Latin and Cyrillic; none when it does not. */
export function mixedScripts(id: string): readonly string[] {
  if (ASCII.test(id)) return [];
  const found = Object.entries(SCRIPTS).filter(([, letters]) => letters.test(id));
  return found.length > 1 ? found.map(([name]) => name) : [];
}
