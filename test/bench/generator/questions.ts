/** What a server is asked, and which answers are right. */
export interface Questions {
  /** The method, as `/package.Service/Method`. */
  readonly path: string;
  readonly token?: string | undefined;
  readonly count: number;
  message(index: number): Uint8Array;
  /** What is wrong with the answer; undefined when it is right. */
  faultOf(index: number, answer: Buffer): string | undefined;
}

/** Which question comes next, by index. */
export type Order = () => number;
