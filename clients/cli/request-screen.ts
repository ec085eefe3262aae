import { timestampDate } from '@bufbuild/protobuf/wkt';
import {
  type AccessRequest,
  RequestAction,
  type RequestItem,
  RequestState,
  type StepProgress,
  VerdictSchema,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { EntityUid } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { type Cell, columns, facts } from './columns.ts';
import { millis, showDuration } from './duration.ts';
import { formatEntity } from './entity-name.ts';
import { localTime, showInstant } from './instants.ts';
import { printable, shorten } from './printable.ts';
import type { Session } from './session.ts';
import { requestState } from './states.ts';
import type { Terminal } from './terminal.ts';
import { wantedTexts } from './workflow-terms.ts';

/** Everything there is to know of a request: who, why, how long, each item with its steps, the votes. */
export function requestLines(request: AccessRequest, terminal: Terminal): readonly string[] {
  const now = terminal.now();
  return [
    title(request, terminal),
    ...facts([
      ['requester', showEntity(request.requester)],
      ['subject', isSame(request.requester, request.subject) ? undefined : showEntity(request.subject)],
      ['reason', request.reason],
      ['ticket', request.ticket],
      ['duration', showDuration(request.duration)],
      ['begins at', showInstant(request.startsAt, now)],
      ['break-glass', request.breakGlass ? 'granted at once, reviewed afterwards' : undefined],
      [
        'extends',
        request.extendsGrantId === ''
          ? undefined
          : `${request.extendsGrantId} (extension ${request.extension})`,
      ],
      ['asked', request.id === '' ? undefined : showInstant(request.createdAt, now)],
      ['answer by', request.state === RequestState.PENDING ? showInstant(request.expiresAt, now) : undefined],
      ['decided', showInstant(request.resolvedAt, now)],
    ]),
    '',
    ...progress(request, terminal),
  ];
}

/** What became of a request that was shown before: its state, its items, the votes. */
export function outcomeLines(request: AccessRequest, terminal: Terminal): readonly string[] {
  return [title(request, terminal), ...progress(request, terminal)];
}

/** A table of requests, newest first, one line each. */
export function requestTable(requests: readonly AccessRequest[], terminal: Terminal): readonly string[] {
  const now = terminal.now();
  const head = ['ID', 'STATE', 'SUBJECT', 'WHAT', 'FOR', 'WAITS FOR', 'ASKED', 'REASON'];
  const rows = requests.map((request): Cell[] => [
    request.id,
    requestState(request.state, terminal.paint),
    showEntity(request.subject),
    shorten(request.items.map(what).join(' + '), 60),
    showDuration(request.duration),
    request.items.flatMap((item) => openSteps(item)).join(', '),
    request.createdAt === undefined ? '' : localTime(timestampDate(request.createdAt), now),
    shorten(request.reason, 40),
  ]);
  return columns(head, rows);
}

/** What the caller may do with the request, as commands; the first is the likeliest, another is told as `or`. */
export function nextForRequest(request: AccessRequest, session: Session): readonly string[] {
  const may = new Set(request.allowedActions);
  if (may.has(RequestAction.REVIEW)) return session.next('review', request.id, '--approve');
  if (may.has(RequestAction.REVIEW_AFTERWARDS))
    return session.next('review', request.id, '--approve', '--comment', 'say what you found');
  if (may.has(RequestAction.WITHDRAW_REVIEW)) return session.next('review', request.id, '--take-back');
  if (may.has(RequestAction.REMIND_REVIEWERS))
    return [...session.next('remind', request.id), ...or(may, request, session)];
  if (may.has(RequestAction.WITHDRAW)) return session.next('withdraw', request.id);
  const granted = request.items.find((item) => item.grantId !== '');
  return granted === undefined ? session.next('requests') : session.next('grants', '--state', 'active');
}

function or(may: ReadonlySet<RequestAction>, { id }: AccessRequest, session: Session): readonly string[] {
  if (!may.has(RequestAction.WITHDRAW)) return [];
  return [`  or: ${session.terminal.paint.command(session.command('withdraw', id))}`];
}

/** An entity of an answer; a dash when there is none. */
export function showEntity(uid: EntityUid | undefined): string {
  return uid === undefined ? '–' : formatEntity(uid);
}

/** Actions by their ids, for the namespace says little to a reader. */
export function showActions(actions: readonly EntityUid[]): string {
  return actions.map(({ type, id }) => (type === 'Action' ? id : formatEntity({ type, id }))).join(', ');
}

function title({ id, state }: AccessRequest, { paint }: Terminal): string {
  const cell = requestState(state, paint);
  const shown = typeof cell === 'string' ? printable(cell) : cell.paint(printable(cell.text));
  return `${paint.strong(id === '' ? 'Preview' : `Request ${printable(id)}`)}  ${shown}`;
}

function progress(request: AccessRequest, terminal: Terminal): readonly string[] {
  return [
    ...indent(itemTable(request, terminal)),
    ...request.items.flatMap((item, index) => remarks(item, index, request, terminal.now())),
    ...(request.id === '' ? request.items.flatMap(terms) : []),
    ...indent(reviewTable(request, terminal.now())),
  ];
}

function what(item: RequestItem): string {
  return `${showActions(item.actions)} ${showEntity(item.resource)}`;
}

function itemTable({ items }: AccessRequest, { paint }: Terminal): readonly string[] {
  const head = ['ITEM', 'RESOURCE', 'ACTIONS', 'WORKFLOW', 'STATE', 'STEPS'];
  const rows = items.map((item, index): Cell[] => [
    String(index + 1),
    showEntity(item.resource),
    showActions(item.actions),
    item.workflow?.id ?? '',
    requestState(item.state, paint),
    item.steps.length === 0 ? 'nobody need approve' : item.steps.map(step).join(', '),
  ]);
  return columns(head, rows);
}

/** `owner 1/2 (grace)`, or in a preview `owner 0/2 (5 people can)`, with names where the caller may know them. */
function step(progressOf: StepProgress): string {
  const { name, seats, filledBy, candidates } = progressOf;
  const by = filledBy.map((uid) => uid.id).join(', ');
  const more = by !== '' ? ` (${by})` : candidates > 0 ? ` (${whoCan(progressOf)})` : '';
  return `${name} ${filledBy.length}/${seats}${more}`;
}

const MOST_NAMED = 5;

function whoCan({ candidates, candidatePeople }: StepProgress): string {
  const count =
    candidates >= 20 ? '20 or more people' : candidates === 1 ? '1 person' : `${candidates} people`;
  if (candidatePeople.length === 0) return `${count} can`;
  const names = candidatePeople.slice(0, MOST_NAMED).map((uid) => uid.id);
  return `${count} can: ${names.join(', ')}${candidatePeople.length > MOST_NAMED ? ', …' : ''}`;
}

function openSteps({ state, steps }: RequestItem): readonly string[] {
  if (state !== RequestState.PENDING) return [];
  return steps
    .filter(({ filledBy, seats }) => filledBy.length < seats)
    .map(({ name, filledBy, seats }) =>
      seats - filledBy.length === 1 ? name : `${name}:${seats - filledBy.length}`,
    );
}

function remarks(item: RequestItem, index: number, asked: AccessRequest, now: Date): readonly string[] {
  const position = `  item ${index + 1}`;
  return [
    ...comesToLine(item, index, asked, now),
    ...(item.memberCount > 0n
      ? [
          `${position}: ${printable(showEntity(item.resource))} holds ${item.memberCount} now; what joins later is covered too`,
        ]
      : []),
    ...(item.deniedBecause === '' ? [] : [`${position}: denied because ${printable(item.deniedBecause)}`]),
    ...(item.grantId === '' ? [] : [`${position}: grant ${printable(item.grantId)}`]),
  ];
}

/** A line for each item of which the approvals make less than was asked for. */
export function comesToLines(request: AccessRequest, now: Date): readonly string[] {
  return request.items.flatMap((item, index) => comesToLine(item, index, request, now));
}

function comesToLine(item: RequestItem, index: number, asked: AccessRequest, now: Date): readonly string[] {
  const less = comesTo(item, asked, now);
  return less === '' ? [] : [`  item ${index + 1}: comes to ${printable(less)}`];
}

/** What approvals make of the item, where that is less than was asked for; empty otherwise. */
function comesTo({ comesTo: terms, actions }: RequestItem, asked: AccessRequest, now: Date): string {
  if (terms === undefined) return '';
  const start = showInstant(terms.startsAt, now);
  const parts = [
    terms.actions.length < actions.length ? showActions(terms.actions) : '',
    millis(terms.duration) === millis(asked.duration) ? '' : showDuration(terms.duration),
    start === showInstant(asked.startsAt, now) ? '' : `from ${start}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** Before it is asked for: how long it could be, and what it wants to be told. */
function terms({ workflow }: RequestItem, index: number): readonly string[] {
  if (workflow === undefined) return [];
  const longest = showDuration(workflow.maxDuration);
  if (longest === '') return [];
  const wants = wantedTexts(workflow);
  const told = wants === '' ? '' : `; wants ${printable(wants)}`;
  const apart = showDuration(workflow.apart);
  return [
    `  item ${index + 1}: ${showDuration(workflow.defaultDuration)} unless said, at most ${longest}${told}`,
    ...(apart === ''
      ? []
      : [`  item ${index + 1}: whoever's request you approved within ${apart} cannot approve this one`]),
  ];
}

function reviewTable({ reviews }: AccessRequest, now: Date): readonly string[] {
  const head = ['REVIEWER', 'VOTE', 'ITEM', 'WHEN', 'COMMENT'];
  const rows = reviews.map((review) => [
    showEntity(review.reviewer),
    (VerdictSchema.value[review.verdict]?.localName ?? String(review.verdict)) +
      (review.withdrawnAt === undefined ? '' : ' (taken back)'),
    String(review.item + 1),
    review.createdAt === undefined ? '' : localTime(timestampDate(review.createdAt), now),
    review.comment,
  ]);
  return rows.length === 0 ? [] : ['', ...columns(head, rows)];
}

function isSame(a: EntityUid | undefined, b: EntityUid | undefined): boolean {
  return a?.type === b?.type && a?.id === b?.id;
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? line : `  ${line}`));
}
