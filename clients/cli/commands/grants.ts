import type { Command } from 'commander';
import { type Grant, GrantAction } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GetGrantResponseSchema,
  ListGrantsResponseSchema,
  type OwedReview,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type Curfew, CurfewError, type EntityName } from '../../sdk/index.ts';
import { callerName } from '../caller.ts';
import { usageError } from '../cli-error.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { grantLines, nextForGrant } from '../grant-screen.ts';
import { grantTable } from '../grant-table.ts';
import { findGrantId } from '../known-ids.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { withServerClock } from '../server-clock.ts';
import { inSession, type Session } from '../session.ts';
import { parseGrantStates } from '../states.ts';
import type { Terminal } from '../terminal.ts';
import { watchGrants } from '../watch-grants.ts';

interface GrantsOptions extends PagingOptions {
  readonly mine: boolean;
  readonly subject?: string;
  readonly state?: string;
  readonly watch: boolean;
}

/** `curfew grants`: lists grants. */
export function addGrants(program: Command, terminal: Terminal): void {
  const grants = program
    .command('grants')
    .summary('list grants')
    .description('Lists the grants that you may see, newest first.')
    .option('--mine', 'only those that you hold', false)
    .option('--subject <entity>', 'only those that this person or service holds')
    .option('--state <states>', 'only these states: scheduled, claimable, active, ended')
    .option('--watch', 'go on showing them, with the time that is left, until Ctrl-C', false)
    .action(async (options: GrantsOptions, command: Command) => {
      if (options.mine && options.subject !== undefined)
        throw usageError('--mine and --subject', 'seen both, wanted one');
      const named = options.subject === undefined ? undefined : parseEntity(options.subject, '--subject');
      const states = options.state === undefined ? [] : parseGrantStates(options.state);
      await inSession(command, terminal, async (session) => {
        const subject = options.mine ? await callerName(session.curfew) : named;
        const { limit: pageSize, pageToken } = options;
        const query = { pageSize, pageToken, states: [...states], ...only(subject) };
        const { grants: service } = session.curfew.services;
        if (options.watch && session.isJson) throw usageError('--watch', 'seen with -o json, wanted a table');
        if (options.watch)
          return await watchGrants(terminal, (signal) => service.listGrants(query, { signal }));
        const sentMs = performance.now();
        const answer = await service.listGrants(query);
        const clocked = withServerClock(terminal, answer.now, sentMs);
        session.show(ListGrantsResponseSchema, answer, () => [
          ...(answer.grants.length === 0 ? ['no grants'] : grantTable(answer.grants, clocked)),
          ...nextPage(
            session,
            answer.nextPageToken,
            ['grants', ...filters(options)],
            next(session, answer.grants),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(grants);
  addShow(grants, terminal);
}

function addShow(grants: Command, terminal: Terminal): void {
  grants
    .command('show')
    .summary('show everything of one grant')
    .argument('<id>', 'the id, or the beginning of it')
    .action(async (given: string, _options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const id = await findGrantId(session.curfew, given);
        const answer = await session.curfew.services.grants.getGrant({ id });
        const { grant } = answer;
        if (grant === undefined) throw new CurfewError('INTERNAL', 'the answer has no grant');
        const owed = session.isJson ? undefined : await findOwedReview(session.curfew, grant);
        session.show(GetGrantResponseSchema, answer, () => [
          ...grantLines(grant, terminal, owed),
          ...nextForGrant(session, grant),
        ]);
        return exitCode.ok;
      });
    });
}

/** What the grant owes still, where the caller may see it. */
async function findOwedReview(
  { services }: Curfew,
  { id, breakGlass }: Grant,
): Promise<OwedReview | undefined> {
  if (!breakGlass) return undefined;
  for (let pageToken = ''; ; ) {
    const page = await services.grants.listOwedReviews({ pageSize: 500, pageToken });
    const found = page.owed.find(({ grant }) => grant?.id === id);
    if (found !== undefined || page.nextPageToken === '') return found;
    pageToken = page.nextPageToken;
  }
}

function only(subject: EntityName | undefined): { readonly subject?: { type: string; id: string } } {
  return subject === undefined ? {} : { subject: { type: subject.type, id: subject.id } };
}

/** The first grant with which the likeliest can be done says what comes next. */
function next(session: Session, grants: readonly Grant[]): readonly string[] {
  for (const action of likeliest) {
    const grant = grants.find(({ allowedActions }) => allowedActions.includes(action));
    if (grant !== undefined) return nextForGrant(session, grant);
  }
  return session.next('requests', '--mine');
}

const likeliest = [
  GrantAction.ACTIVATE,
  GrantAction.EXTEND,
  GrantAction.RELEASE,
  GrantAction.REVOKE,
] as const;

function filters({ mine, subject, state }: GrantsOptions): readonly string[] {
  return [
    ...(mine ? ['--mine'] : []),
    ...(subject === undefined ? [] : ['--subject', subject]),
    ...(state === undefined ? [] : ['--state', state]),
  ];
}
