import type { Command } from 'commander';
import {
  ListRequestableResponseSchema,
  type Requestable,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { actionArgument, entityArgument, parseAction } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { requestableTable } from '../requestable-table.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface RequestableOptions extends PagingOptions {
  readonly action?: string;
  readonly type: string;
}

/** `curfew requestable`: lists what the caller could ask for, and on which terms. */
export function addRequestable(program: Command, terminal: Terminal): void {
  const requestable = program
    .command('requestable')
    .summary('list what you could ask for')
    .description(
      'Lists what you could ask for, by resource: each action with the workflow that it would go by, for how long, who must agree and ' +
        'what it wants to be told.',
    )
    .argument('[search]', 'only resources with this in their type, id or name', '')
    .option('--action <action>', 'only this action, or those of this action group')
    .option('--type <type>', 'only resources of this type', '')
    .action(async (search: string, options: RequestableOptions, command: Command) => {
      const action = options.action === undefined ? undefined : parseAction(options.action, '--action');
      await inSession(command, terminal, async (session) => {
        const { limit: pageSize, pageToken, type } = options;
        const answer = await session.curfew.services.grants.listRequestable({
          pageSize,
          pageToken,
          search,
          type,
          ...(action === undefined ? {} : { action: { type: action.type, id: action.id } }),
        });
        session.show(ListRequestableResponseSchema, answer, () => [
          ...(answer.resources.length === 0
            ? [answer.nextPageToken === '' ? 'nothing to ask for' : 'nothing so far']
            : requestableTable(answer.resources)),
          ...nextPage(
            session,
            answer.nextPageToken,
            ['requestable', ...(search === '' ? [] : [search]), ...filters(options)],
            next(session, answer.resources),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(requestable);
}

function filters({ action, type }: RequestableOptions): readonly string[] {
  return [...(action === undefined ? [] : ['--action', action]), ...(type === '' ? [] : ['--type', type])];
}

/** A look at what the first would take. */
function next(session: Session, [first]: readonly Requestable[]): readonly string[] {
  const action = first?.actions[0]?.action;
  if (first?.resource === undefined || action === undefined) return session.next('whoami');
  return session.next('request', actionArgument(action), entityArgument(first.resource), '--preview');
}
