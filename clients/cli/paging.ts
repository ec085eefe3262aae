import type { Command } from 'commander';
import { usageError } from './cli-error.ts';
import type { Session } from './session.ts';

export interface PagingOptions {
  readonly limit: number;
  readonly pageToken: string;
}

/** Gives a list command --limit and --page-token. */
export function addPaging(command: Command): Command {
  return command
    .option('--limit <n>', 'how many at most, 1 to 500', readLimit, 50)
    .option('--page-token <token>', 'go on where the list before ended', '');
}

/** What a list answers for the next page, as the command that asks for it; else the command that is useful next. */
export function nextPage(
  session: Session,
  nextPageToken: string,
  list: readonly string[],
  otherwise: readonly string[],
): readonly string[] {
  return nextPageToken === '' ? otherwise : session.next(...list, '--page-token', nextPageToken);
}

function readLimit(given: string): number {
  const limit = /^\d{1,3}$/.test(given) ? Number(given) : 0;
  if (limit >= 1 && limit <= 500) return limit;
  throw usageError('--limit', `seen ${given}, wanted 1 to 500`);
}
