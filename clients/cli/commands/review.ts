import type { Command } from 'commander';
import {
  type AccessRequest,
  GrantState,
  RequestAction,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  ReviewAccessRequestResponseSchema,
  WithdrawReviewResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { CurfewError } from '../../sdk/index.ts';
import { usageError } from '../cli-error.ts';
import { collect } from '../collect.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { findRequestId } from '../known-ids.ts';
import { narrowItems, type NarrowingOptions, readNarrowing, type Terms } from '../narrowing.ts';
import { outcomeLines, requestLines } from '../request-screen.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface ReviewOptions extends NarrowingOptions {
  readonly takeBack: boolean;
  readonly approve: boolean;
  readonly deny: boolean;
  readonly comment: string;
  readonly item: readonly string[];
}

/** `curfew review`: shows a request and votes on what was shown. */
export function addReview(program: Command, terminal: Terminal): void {
  program
    .command('review')
    .summary('approve or deny a request')
    .description(
      'Shows the request, then votes on exactly what was shown. Asks for the vote when neither is said.',
    )
    .argument('<id>', 'the id, or the beginning of it')
    .option('-y, --approve', 'agree', false)
    .option('-n, --deny', 'refuse; one deny ends an item', false)
    .option('--narrow', 'agree to less, as the next three say', false)
    .option('--actions <actions>', 'with --narrow: only these, with commas between')
    .option('-d, --duration <duration>', 'with --narrow: only for so long')
    .option('--not-before <instant>', 'with --narrow: begins then, such as 14:30 or +2h')
    .option('--take-back', 'take your own approval back while the request is pending', false)
    .option('-m, --comment <text>', 'for the requester and the ledger', '')
    .option(
      '--item <n>',
      'only this item, counted from 1; repeatable (default: all that you may review)',
      collect,
      [],
    )
    .action(async (given: string, options: ReviewOptions, command: Command) => {
      checkVote(options);
      const terms = readNarrowing(options, terminal.now());
      const items = options.item.map(readItem);
      await inSession(command, terminal, async (session) => {
        const id = await findRequestId(session.curfew, given);
        if (options.takeBack) return await takeBack(session, id, items);
        return await review(session, { id, items, terms, options });
      });
    });
}

interface Reviewing {
  readonly id: string;
  readonly items: number[];
  readonly terms: Terms | undefined;
  readonly options: ReviewOptions;
}

/** Shows the request, then votes on what was shown. */
async function review(session: Session, { id, items, terms, options }: Reviewing): Promise<ExitCode> {
  const { curfew, terminal, isJson } = session;
  const { request } = await curfew.services.grants.getAccessRequest({ id });
  if (request === undefined) throw new CurfewError('INTERNAL', 'the answer has no request');
  if (!isJson) terminal.out([...requestLines(request, terminal), ...(await afterwards(session, request))]);
  const verdict = said(options) ?? (await askVerdict(session, request));
  if (verdict === undefined) return exitCode.ok;
  const { comment } = options;
  // The hash is of the request just shown, so a vote never counts for anything else.
  const { requestHash } = request;
  const narrowing = narrowItems(request, items, terms);
  const vote = { id, verdict, comment, items, requestHash, narrowing };
  const answer = await curfew.services.grants.reviewAccessRequest(vote);
  const after = answer.request;
  session.show(ReviewAccessRequestResponseSchema, answer, () => [
    '',
    ...(after === undefined ? [] : outcomeLines(after, terminal)),
    ...nextAfterVote(session, after),
  ]);
  return exitCode.ok;
}

function checkVote({ approve, deny, narrow, takeBack: isTakenBack }: ReviewOptions): void {
  if (approve && deny)
    throw usageError('--approve and --deny', 'seen both, wanted one; vote on single items with --item');
  if (narrow && deny) throw usageError('--narrow and --deny', 'seen both, wanted one');
  if (isTakenBack && (approve || deny || narrow))
    throw usageError('--take-back', 'seen together with a vote, wanted it alone or with --item');
}

async function takeBack(session: Session, id: string, items: number[]): Promise<ExitCode> {
  const answer = await session.curfew.services.grants.withdrawReview({ id, items });
  const { request } = answer;
  session.show(WithdrawReviewResponseSchema, answer, () => [
    ...(request === undefined ? [] : requestLines(request, session.terminal)),
    ...session.next('review', id),
  ]);
  return exitCode.ok;
}

/** That break-glass is looked at when it has been given, and what a deny does to what is left of it. */
async function afterwards(
  { curfew }: Session,
  { allowedActions, items }: AccessRequest,
): Promise<readonly string[]> {
  if (!allowedActions.includes(RequestAction.REVIEW_AFTERWARDS)) return [];
  const ids = items.map(({ grantId }) => grantId).filter((id) => id !== '');
  const answers = await Promise.all(ids.map((id) => curfew.services.grants.getGrant({ id })));
  const isLive = answers.some(({ grant }) => grant !== undefined && grant.state !== GrantState.ENDED);
  const rest = isLive
    ? 'a deny ends what still runs'
    : 'it has ended; a deny says that it should not have been';
  return ['', `this was granted by break-glass and is reviewed afterwards: ${rest}`];
}

function said({ approve, deny, narrow }: ReviewOptions): Verdict | undefined {
  if (approve || narrow) return Verdict.APPROVE;
  return deny ? Verdict.DENY : undefined;
}

/** Asks the person; undefined when they leave it. @throws CliError usage when nobody can be asked */
async function askVerdict(
  { terminal, isJson }: Session,
  { state, allowedActions }: AccessRequest,
): Promise<Verdict | undefined> {
  if (state !== RequestState.PENDING && !allowedActions.includes(RequestAction.REVIEW_AFTERWARDS))
    return undefined;
  if (isJson || !terminal.isInteractive) throw usageError('review', 'wanted --approve or --deny');
  const answer = (await terminal.ask('approve or deny? [a/d, anything else leaves it] '))
    .trim()
    .toLowerCase();
  if (answer === 'a' || answer === 'approve') return Verdict.APPROVE;
  return answer === 'd' || answer === 'deny' ? Verdict.DENY : undefined;
}

function nextAfterVote(session: Session, request: AccessRequest | undefined): readonly string[] {
  const granted = request?.items.find(({ grantId }) => grantId !== '');
  if (granted === undefined) return session.next('requests', '--to-review');
  return session.next('revoke', granted.grantId, '--reason', 'say why');
}

function readItem(given: string): number {
  const position = /^\d{1,2}$/.test(given) ? Number(given) : 0;
  if (position >= 1 && position <= 20) return position - 1;
  throw usageError('--item', `seen ${given}, wanted the number of an item, from 1`);
}
