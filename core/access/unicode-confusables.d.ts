declare module 'unicode-confusables' {
  /** The text with each character in the place of which another could be read replaced by that (Unicode UTS 39, confusables). */
  export function rectifyConfusion(text: string): string;
}
