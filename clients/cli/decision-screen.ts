import type { AuthorizeResponse } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { EntityName, Question } from '../sdk/index.ts';
import { columns, facts } from './columns.ts';
import { showDuration } from './duration.ts';
import { actionArgument, entityArgument, formatEntity } from './entity-name.ts';
import { showInstant } from './instants.ts';
import { text } from './printable.ts';
import type { Session } from './session.ts';

/** An ALLOW: by what, and until when. */
export function allowLines(
  session: Session,
  question: Question,
  answer: AuthorizeResponse,
): readonly string[] {
  const { paint, now } = session.terminal;
  return [
    `${paint.good('ALLOW')}  ${sentence(question, 'may')}`,
    ...facts([
      ['grant', answer.grantId],
      ['until', showInstant(answer.validUntil, now())],
      ['policies', answer.policyIds.join(', ')],
      ['decided', decided(answer, now())],
    ]),
    ...(answer.grantId === '' ? session.next('grants', '--mine') : session.next('release', answer.grantId)),
  ];
}

/** A question that was answered with a deny. */
export interface Denied {
  readonly question: Question;
  /** Whether the principal was named, so that a request must name it too. */
  readonly isOther: boolean;
  readonly isExplained: boolean;
}

/** A DENY: because of what, and how to get access. */
export function denyLines(session: Session, denied: Denied, answer: AuthorizeResponse): readonly string[] {
  const { question, isExplained } = denied;
  const { paint, now } = session.terminal;
  const { accessOptions } = answer;
  const head = ['WORKFLOW', 'TITLE', 'NEEDS', 'USUALLY', 'AT MOST'];
  const rows = accessOptions.map((option) => [
    option.workflow,
    option.title,
    option.steps.length === 0 ? 'nobody' : option.steps.join(', '),
    showDuration(option.defaultDuration),
    showDuration(option.maxDuration),
  ]);
  return [
    `${paint.bad('DENY')}  ${sentence(question, 'may not')}`,
    ...facts([
      ['because', because(answer)],
      ['advice', answer.advice.join('; ')],
      ['errors', answer.errors.join('; ')],
      ['until', showInstant(answer.validUntil, now())],
      ['decided', decided(answer, now())],
    ]),
    ...(rows.length === 0
      ? []
      : ['', 'Access can be requested:', ...columns(head, rows).map((row) => `  ${row}`)]),
    ...(rows.length === 0 && isExplained && answer.lockIds.length === 0
      ? [text`  no workflow lets ${formatEntity(question.principal)} ask for it`]
      : []),
    ...nextForDeny(session, denied, answer),
  ];
}

function because({ policyIds, lockIds }: AuthorizeResponse): string {
  if (policyIds.length > 0) return `${policyIds.join(', ')} forbids it`;
  return lockIds.length > 0 ? 'it is locked' : 'nothing permits it';
}

/** The command that would get access by the first of the workflows, on its own terms. */
function nextForDeny(
  session: Session,
  { question, isOther, isExplained }: Denied,
  answer: AuthorizeResponse,
): readonly string[] {
  const [option] = answer.accessOptions;
  if (option === undefined && answer.lockIds.length > 0) return session.next('locks');
  if (option === undefined) return isExplained ? session.next('whoami') : session.next('grants');
  const { principal, resource } = question;
  return session.next(
    'request',
    actionArgument(nameOf(question.action)),
    entityArgument(resource),
    ...(isOther ? ['--subject', entityArgument(principal)] : []),
    '--workflow',
    option.workflow,
    '--duration',
    showDuration(option.defaultDuration),
    '--reason',
    'say why',
  );
}

function sentence({ principal, action, resource }: Question, may: 'may' | 'may not'): string {
  return text`${formatEntity(principal)} ${may} ${actionArgument(nameOf(action))} ${formatEntity(resource)}`;
}

function nameOf(action: string | EntityName): EntityName {
  return typeof action === 'string' ? { type: '', id: action } : action;
}

function decided({ decidedAt, revision, stale }: AuthorizeResponse, now: Date): string {
  return `${showInstant(decidedAt, now)} at revision ${revision}${stale ? ', on stale data: standing permits only' : ''}`;
}
