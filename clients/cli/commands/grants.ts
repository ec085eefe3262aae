import type { Command } from 'commander';
import type { Grant } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GetGrantResponseSchema,
  ListGrantsResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { EntityName } from '../../sdk/index.ts';
import { callerName } from '../caller.ts';
import { usageError } from '../cli-error.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { grantLines, nextForGrant } from '../grant-screen.ts';
import { grantTable } from '../grant-table.ts';
import { findGrantId } from '../known-ids.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
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
          return await watchGrants(
            session,
            async (signal) => (await service.listGrants(query, { signal })).grants,
          );
        const answer = await service.listGrants(query);
        session.show(ListGrantsResponseSchema, answer, () => [
          ...(answer.grants.length === 0 ? ['no grants'] : grantTable(answer.grants, terminal)),
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
        session.show(GetGrantResponseSchema, answer, () =>
          answer.grant === undefined
            ? []
            : [...grantLines(answer.grant, terminal), ...nextForGrant(session, answer.grant)],
        );
        return exitCode.ok;
      });
    });
}

function only(subject: EntityName | undefined): { readonly subject?: { type: string; id: string } } {
  return subject === undefined ? {} : { subject: { type: subject.type, id: subject.id } };
}

function next(session: Session, grants: readonly Grant[]): readonly string[] {
  const own = grants.find(({ mayRelease }) => mayRelease);
  if (own !== undefined) return session.next('release', own.id);
  const other = grants.find(({ mayRevoke }) => mayRevoke);
  if (other !== undefined) return session.next('revoke', other.id, '--reason', 'say why');
  return session.next('requests', '--mine');
}

function filters({ mine, subject, state }: GrantsOptions): readonly string[] {
  return [
    ...(mine ? ['--mine'] : []),
    ...(subject === undefined ? [] : ['--subject', subject]),
    ...(state === undefined ? [] : ['--state', state]),
  ];
}
