import type { Command } from 'commander';
import {
  ListOwedReviewsResponseSchema,
  type OwedReview,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type Cell, columns } from '../columns.ts';
import { exitCode } from '../exit-code.ts';
import { showInstant } from '../instants.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { showActions, showEntity } from '../request-screen.ts';
import { inSession } from '../session.ts';
import { grantState } from '../states.ts';
import type { Terminal } from '../terminal.ts';

interface OwedOptions extends PagingOptions {
  readonly toReview: boolean;
}

/** `curfew owed`: lists what break-glass owes. */
export function addOwed(program: Command, terminal: Terminal): void {
  const owed = program
    .command('owed')
    .summary('list break-glass that somebody has yet to look at')
    .option('--to-review', 'only what you could review now', false)
    .action(async ({ toReview, limit, pageToken }: OwedOptions, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const query = { toReview, pageSize: limit, pageToken };
        const answer = await session.curfew.services.grants.listOwedReviews(query);
        const [first] = answer.owed;
        const id = first?.request?.id;
        session.show(ListOwedReviewsResponseSchema, answer, () => [
          ...(first === undefined ? ['nothing is owed'] : owedTable(answer.owed, terminal)),
          ...nextPage(
            session,
            answer.nextPageToken,
            ['owed', ...(toReview ? ['--to-review'] : [])],
            id === undefined
              ? session.next('grants')
              : session.next('review', id, '--approve', '--comment', 'say what you found'),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(owed);
}

function owedTable(owed: readonly OwedReview[], terminal: Terminal): readonly string[] {
  const { paint } = terminal;
  const rows = owed.map(({ grant, request, step, dueAt, overdue }): Cell[] => {
    const due = showInstant(dueAt, terminal.now());
    return [
      request?.id ?? '',
      showEntity(grant?.subject),
      `${showActions(grant?.actions ?? [])} ${showEntity(grant?.resource)}`,
      grant === undefined ? '' : grantState(grant, paint),
      step,
      overdue ? { text: `OVERDUE ${due}`, paint: paint.bad } : due,
    ];
  });
  return columns(['REQUEST', 'HOLDER', 'WHAT', 'GRANT', 'STEP', 'DUE'], rows);
}
