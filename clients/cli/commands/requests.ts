import type { Command } from 'commander';
import {
  GetAccessRequestResponseSchema,
  ListAccessRequestsResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { CurfewError } from '../../sdk/index.ts';
import { exitCode } from '../exit-code.ts';
import { findRequestId } from '../known-ids.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { nextForRequest, requestLines, requestTable } from '../request-screen.ts';
import { inSession } from '../session.ts';
import { parseRequestStates } from '../states.ts';
import type { Terminal } from '../terminal.ts';

interface RequestsOptions extends PagingOptions {
  readonly mine: boolean;
  readonly toReview: boolean;
  readonly state?: string;
}

/** `curfew requests` and `curfew requests show`. */
export function addRequests(program: Command, terminal: Terminal): void {
  const requests = program
    .command('requests')
    .summary('list access requests, or show one')
    .description('Lists the requests that you may see, newest first.')
    .option('--mine', 'only where you are requester or subject', false)
    .option('--to-review', 'only where you could vote now', false)
    .option('--state <states>', 'only these states: pending, approved, denied …, with commas between')
    .action(async (options: RequestsOptions, command: Command) => {
      const states = options.state === undefined ? [] : parseRequestStates(options.state);
      await inSession(command, terminal, async (session) => {
        const { limit: pageSize, pageToken, mine, toReview } = options;
        const query = { pageSize, pageToken, mine, toReview, states: [...states] };
        const answer = await session.curfew.services.grants.listAccessRequests(query);
        const [first] = answer.requests;
        const again = ['requests', ...filters(options)];
        session.show(ListAccessRequestsResponseSchema, answer, () => [
          ...(first === undefined ? ['no requests'] : requestTable(answer.requests, terminal)),
          ...nextPage(
            session,
            answer.nextPageToken,
            again,
            first === undefined ? session.next('grants') : session.next('requests', 'show', first.id),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(requests);
  addShow(requests, terminal);
}

function addShow(requests: Command, terminal: Terminal): void {
  requests
    .command('show')
    .summary('show one request with its items, steps and votes')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findRequestId(session.curfew, given);
        const answer = await session.curfew.services.grants.getAccessRequest({ id });
        const { request } = answer;
        if (request === undefined) throw new CurfewError('INTERNAL', 'the answer has no request');
        session.show(GetAccessRequestResponseSchema, answer, () => [
          ...requestLines(request, terminal),
          ...nextForRequest(request, session),
        ]);
        return exitCode.ok;
      });
    });
}

function filters({ mine, toReview, state }: RequestsOptions): readonly string[] {
  return [
    ...(mine ? ['--mine'] : []),
    ...(toReview ? ['--to-review'] : []),
    ...(state === undefined ? [] : ['--state', state]),
  ];
}
