import { type Grant, GrantAction, type GrantLock } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { OwedReview } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { facts } from './columns.ts';
import { showDuration } from './duration.ts';
import { showInstant } from './instants.ts';
import { grantTable } from './grant-table.ts';
import { showEntity } from './request-screen.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Everything there is to know of a grant: where it stands, who asked and approved, what is left of it. */
export function grantLines(grant: Grant, terminal: Terminal, owed?: OwedReview): readonly string[] {
  const now = terminal.now();
  const { approvers, usesLeft, maxExtensions } = grant;
  return [
    ...grantTable([grant], terminal),
    '',
    ...facts([
      ['request', grant.requestId],
      ['asked by', showEntity(grant.requester)],
      ['approved by', approvers.length === 0 ? 'nobody need' : approvers.map(showEntity).join(', ')],
      ['reason', grant.reason],
      ['ticket', grant.ticket],
      ['lasts', showDuration(grant.duration)],
      ['begins', showInstant(grant.startsAt, now)],
      ['claim by', showInstant(grant.claimBy, now)],
      ['ends', showInstant(grant.expiresAt, now)],
      ['uses left', usesLeft === undefined ? undefined : String(usesLeft)],
      ['ends unused after', showDuration(grant.idle)],
      ['last used', showInstant(grant.lastUsedAt, now)],
      ['extended', maxExtensions === 0 ? undefined : `${grant.extensions} of ${maxExtensions}`],
      ['break-glass', grant.breakGlass ? 'yes, reviewed afterwards' : undefined],
      ...grant.locks.map((lock) => ['locked', lockedBy(lock, now)] as const),
      ['owed review', owed === undefined ? undefined : owedReview(owed, now)],
    ]),
  ];
}

/** Why comes last and only for whoever may read it. */
function lockedBy({ id, reason, expiresAt }: GrantLock, now: Date): string {
  const until = expiresAt === undefined ? 'until it is lifted' : `until ${showInstant(expiresAt, now)}`;
  return `by lock ${id}, ${until}${reason === '' ? '' : `: ${reason}`}`;
}

function owedReview({ step, dueAt, overdue }: OwedReview, now: Date): string {
  return `by ${step}, ${overdue ? 'OVERDUE since' : 'due'} ${showInstant(dueAt, now)}`;
}

/** The command that is useful next with a grant. */
export function nextForGrant(session: Session, { id, allowedActions }: Grant): readonly string[] {
  const may = new Set(allowedActions);
  if (may.has(GrantAction.ACTIVATE)) return session.next('activate', id);
  if (may.has(GrantAction.EXTEND)) return session.next('extend', id, '--reason', 'say why');
  if (may.has(GrantAction.RELEASE)) return session.next('release', id);
  if (may.has(GrantAction.REVOKE)) return session.next('revoke', id, '--reason', 'say why');
  return session.next('grants');
}
