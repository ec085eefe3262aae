import type { Lock } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { type Cell, columns, facts } from './columns.ts';
import { showInstant } from './instants.ts';
import { shorten, text } from './printable.ts';
import { showEntity } from './request-screen.ts';
import type { Terminal } from './terminal.ts';

const REASON_LENGTH = 60;

/** What a lock stops, as people write it. */
export function lockedThing({ entity, grantId, everything }: Lock): string {
  if (everything) return 'everything';
  return entity === undefined ? `grant ${grantId}` : showEntity(entity);
}

/** One lock with all that is known of it. */
export function lockLines(lock: Lock, terminal: Terminal): readonly string[] {
  const { paint } = terminal;
  const now = terminal.now();
  const state = lock.holds
    ? paint.bad('LOCKED')
    : paint.faint(lock.liftedAt === undefined ? 'ENDED' : 'LIFTED');
  return [
    text`Lock ${lock.id}` + `  ${state}  ${lockedThing(lock)}`,
    ...facts([
      ['reason', lock.reason],
      ['created', `${showInstant(lock.createdAt, now)} by ${showEntity(lock.createdBy)}`],
      ['ends', lock.expiresAt === undefined ? 'when it is lifted' : showInstant(lock.expiresAt, now)],
      [
        'lifted',
        lock.liftedAt === undefined
          ? undefined
          : `${showInstant(lock.liftedAt, now)} by ${showEntity(lock.liftedBy)}: ${lock.liftReason}`,
      ],
    ]),
  ];
}

/** A table of locks, one line each. */
export function lockTable(locks: readonly Lock[], terminal: Terminal): readonly string[] {
  const now = terminal.now();
  const { paint } = terminal;
  const rows = locks.map((lock): Cell[] => [
    lock.id,
    { text: stateOf(lock), paint: lock.holds ? paint.bad : paint.faint },
    lockedThing(lock),
    showEntity(lock.createdBy),
    endOf(lock, now),
    shorten(lock.reason, REASON_LENGTH),
  ]);
  return columns(['LOCK', 'STATE', 'ON', 'BY', 'ENDS', 'WHY'], rows);
}

function stateOf({ holds, liftedAt }: Lock): string {
  if (holds) return 'LOCKED';
  return liftedAt === undefined ? 'ENDED' : 'LIFTED';
}

function endOf({ liftedAt, expiresAt }: Lock, now: Date): string {
  const at = liftedAt ?? expiresAt;
  return at === undefined ? 'when lifted' : showInstant(at, now);
}
