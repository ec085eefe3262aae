import { create } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import {
  type AccessRequest,
  type Grant,
  GrantAction,
  RequestState,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  type RequestAccessResponse,
  RequestAccessResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type AccessWish, CurfewError, isDecided } from '../../sdk/index.ts';
import { readWish, type WishOptions } from '../access-wish.ts';
import { usageError } from '../cli-error.ts';
import { actionArgument, entityArgument } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { nextForGrant } from '../grant-screen.ts';
import { grantTable } from '../grant-table.ts';
import { text } from '../printable.ts';
import { nextForRequest, outcomeLines, requestLines } from '../request-screen.ts';
import { inSession, type Session } from '../session.ts';
import { requestExitCode } from '../states.ts';
import type { Terminal } from '../terminal.ts';
import { waitForDecision } from '../wait-for-decision.ts';

interface RequestOptions extends WishOptions {
  readonly wait: boolean;
  readonly watch: boolean;
}

/** `curfew request`: asks for access and waits for the decision. */
export function addRequest(program: Command, terminal: Terminal): void {
  program
    .command('request')
    .summary('ask for access and wait for the decision')
    .description(
      'Asks for the actions on the resource, waits for the decision and exits 0 approved, 10 denied, 11 pending ' +
        '(--no-wait), 12 expired. Several resources are asked for at once with a + between: read Database::a + write Database::b',
    )
    .usage('<action...> <resource> [+ <action...> <resource>] [options]')
    .argument('<words...>')
    .option('-d, --duration <duration>', "how long: 20s, 15m, 1h30m (default: the workflow's)")
    .option('-r, --reason <text>', 'why', '')
    .option('-t, --ticket <id>', 'the ticket it belongs to', '')
    .option('-s, --subject <entity>', 'who will hold the access (default: you)')
    .option('--for <entity>', 'the same as --subject')
    .option('--start <instant>', 'when it begins: 2026-03-01T09:00Z, 14:30 today, or +2h')
    .option('--break-glass', 'granted at once in an emergency, and reviewed afterwards', false)
    .option('-w, --workflow <id>', 'a workflow by its @id (default: the strictest that fits)', '')
    .option('--preview', 'show what would happen, and ask nobody', false)
    .option('--no-wait', 'do not wait for the decision')
    .option('--watch', 'while waiting, show the items, steps and votes whenever they change', false)
    .option('--idempotency-key <key>', 'the same key and request again answer the same')
    .action(async (words: readonly string[], options: RequestOptions, command: Command) => {
      if (options.watch && (!options.wait || options.preview))
        throw usageError('--watch', 'seen with --no-wait or --preview, wanted without them');
      const wish = readWish(words, options, terminal.now());
      await inSession(command, terminal, async (session) => {
        const response = await session.curfew.requestAccess(wish);
        const { request } = response;
        if (request === undefined) throw new CurfewError('INTERNAL', 'the answer has no request');
        if (options.preview) return preview(session, response, request, command);
        return await follow(session, response, request, {
          isWaiting: options.wait,
          isWatching: options.watch,
          wish,
        });
      });
    });
}

interface Following {
  readonly isWaiting: boolean;
  readonly isWatching: boolean;
  readonly wish: AccessWish;
}

/** Shows the request, waits until it is decided, shows what became of it. */
async function follow(
  session: Session,
  response: RequestAccessResponse,
  request: AccessRequest,
  { isWaiting, isWatching, wish }: Following,
): ReturnType<Parameters<typeof inSession>[2]> {
  const { terminal, isJson } = session;
  const isFinal = isDecided(request) || !isWaiting;
  if (!isJson) terminal.out([...existing(response), ...requestLines(request, terminal)]);
  const outcome = isFinal ? request : await waitForDecision(session, request, isWatching);
  if (outcome === undefined) return exitCode.interrupted;
  const grants = outcome.state === RequestState.PENDING ? [] : await grantsOf(session, outcome);
  const final = create(RequestAccessResponseSchema, { ...response, request: outcome });
  session.show(RequestAccessResponseSchema, final, () => [
    ...(isFinal ? [] : ['', ...outcomeLines(outcome, terminal)]),
    ...(grants.length === 0 ? [] : ['', ...grantTable(grants, terminal)]),
    ...(grants.length === 0
      ? nextForRequest(outcome, session)
      : nextForGranted(session, outcome, { grants, wish })),
  ]);
  return requestExitCode(outcome.state);
}

function existing({ existing: isThere }: RequestAccessResponse): readonly string[] {
  return isThere ? ['it was asked for before: this is the request that is there, nothing new was made'] : [];
}

function preview(
  session: Session,
  response: RequestAccessResponse,
  request: AccessRequest,
  command: Command,
): typeof exitCode.ok {
  const { terminal } = session;
  session.show(RequestAccessResponseSchema, response, () => [
    ...requestLines(request, terminal),
    ...response.warnings.map((warning) => `${terminal.paint.waiting('note:')} ${text`${warning}`}`),
    ...session.next('request', ...withoutPreview(command)),
  ]);
  return exitCode.ok;
}

/** The grants as they are now, for their exact times. */
async function grantsOf({ curfew }: Session, { items }: AccessRequest): Promise<readonly Grant[]> {
  const ids = items.map(({ grantId }) => grantId).filter((id) => id !== '');
  const answers = await Promise.all(ids.map((id) => curfew.services.grants.getGrant({ id })));
  return answers.flatMap(({ grant }) => (grant === undefined ? [] : [grant]));
}

function nextForGranted(
  session: Session,
  { items }: AccessRequest,
  { grants, wish: { subject } }: { readonly grants: readonly Grant[]; readonly wish: AccessWish },
): readonly string[] {
  const claimable = grants.find(({ allowedActions }) => allowedActions.includes(GrantAction.ACTIVATE));
  if (claimable !== undefined) return nextForGrant(session, claimable);
  const item = items.find(({ grantId }) => grantId !== '');
  const [action] = item?.actions ?? [];
  if (action === undefined || item?.resource === undefined) return session.next('grants', '--mine');
  const who = subject === undefined ? [] : [entityArgument(subject)];
  return session.next('can', ...who, actionArgument(action), entityArgument(item.resource));
}

/** The words and options as given, for the same command without --preview. */
function withoutPreview(command: Command): readonly string[] {
  const given = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter(({ long }) => long !== '--preview' && long !== '--no-wait')
    .flatMap((option): string[] => [
      option.long ?? '',
      ...(option.isBoolean() ? [] : [String(command.getOptionValue(option.attributeName()))]),
    ]);
  return [...command.args, ...given];
}
