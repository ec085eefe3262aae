/** One thing that was looked at. */
export interface Check {
  /** What it is about: `database role`. */
  readonly name: string;
  /** `skipped` where there was nothing to look at, or it could not be told. */
  readonly state: 'ok' | 'warning' | 'failure' | 'skipped';
  /** What was seen. */
  readonly seen: string;
  /** What to do about it. */
  readonly next?: string;
}

/** Says what came of one check. */
export type Say = (state: Check['state'], seen: string, next?: string) => Check;

/** Checks of that name. */
export function about(name: string): Say {
  return (state, seen, next) => ({ name, state, seen, ...(next === undefined ? {} : { next }) });
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
