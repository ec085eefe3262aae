import { uidKey } from '../access/entity.ts';
import type { EndReason } from '../access/event.ts';
import type { LiveGrant } from '../access/grant.ts';
import { formatAsked } from './grant-row.ts';
import { GRANT_ENDS, GRANT_MOVES } from '../access/states.ts';
import { Call, sendLater, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

const INSERT_GRANT: Statement = {
  name: 'insert_grant',
  isRead: false,
  text: `
    INSERT INTO grants (id, request_id, item, requester, subject, approvers, resource, actions, workflow, steps, reason, ticket,
      state, created_at, starts_at, expires_at, duration_ms, max_ms, break_glass, keep_on_change, idle_ms, uses_left,
      max_extensions, seats, casts, asked)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
      $26)`,
};

/** Writes a new grant; the database refuses a second one for the item and a window longer than `maxMs`. */
export async function insertGrant(
  trx: Trx,
  grant: LiveGrant,
  { maxMs, createdAt }: { readonly maxMs: number; readonly createdAt: Date },
): Promise<void> {
  const values = [
    grant.id,
    grant.requestId,
    grant.item,
    uidKey(grant.requester),
    uidKey(grant.subject),
    grant.approvers.map(uidKey),
    uidKey(grant.resource),
    grant.actions.map(uidKey),
    grant.workflow,
    grant.steps,
    grant.reason,
    grant.ticket,
    grant.state,
    createdAt,
    grant.startsAt,
    grant.expiresAt,
    grant.durationMs,
    maxMs,
    grant.terms.breakGlass,
    grant.terms.onChange === 'keep',
    grant.terms.idleMs ?? null,
    grant.usesLeft ?? null,
    grant.terms.maxExtensions,
    grant.seats,
    grant.casts === undefined ? null : JSON.stringify(grant.casts),
    formatAsked(grant.asked),
  ];
  await sendLater(trx, new Call(INSERT_GRANT, values));
}

/** A change of one grant's row that fails the transaction unless the row is as `where` says. */
export function guardedChange(name: string, change: string, where: string): Statement {
  return {
    name,
    isRead: false,
    text: `
    WITH changed AS (UPDATE grants SET ${change} WHERE id = $1 AND ${where} RETURNING 1)
    SELECT 1 / count(*) FROM changed`,
  };
}

const END_GRANT = guardedChange(
  'end_grant',
  `state = 'ENDED', end_reason = $2, ended_at = $3`,
  `state = ANY($4::grant_state[])`,
);
const { GRANT_OPENED, GRANT_CLAIMED, GRANT_EXTENDED } = GRANT_MOVES;
const OPEN_GRANT = guardedChange(
  'open_grant',
  `state = '${GRANT_OPENED.to}'`,
  `state = '${GRANT_OPENED.from}'`,
);
const CLAIM_GRANT = guardedChange(
  'claim_grant',
  `state = '${GRANT_CLAIMED.to}', starts_at = $2, expires_at = $3`,
  `state = '${GRANT_CLAIMED.from}'`,
);
const EXTEND_GRANT = guardedChange(
  'extend_grant',
  'expires_at = $2, extensions = extensions + 1',
  `state = '${GRANT_EXTENDED.from}' AND extensions = $3::smallint - 1`,
);

/** Writes that a grant has ended. The caller holds the row and has checked: when it could not end so, the transaction fails. */
export async function endGrant(
  trx: Trx,
  id: string,
  end: { readonly endReason: EndReason; readonly endedAt: Date },
): Promise<void> {
  await changeGrant(trx, END_GRANT, [id, end.endReason, end.endedAt, GRANT_ENDS[end.endReason].from]);
}

/** Writes that a scheduled grant has begun. */
export async function openGrant(trx: Trx, id: string): Promise<void> {
  await changeGrant(trx, OPEN_GRANT, [id]);
}

/** Writes that a claimable grant was used for the first time. */
export async function claimGrant(
  trx: Trx,
  id: string,
  window: { readonly startsAt: Date; readonly expiresAt: Date },
): Promise<void> {
  await changeGrant(trx, CLAIM_GRANT, [id, window.startsAt, window.expiresAt]);
}

/** Writes that a grant lasts longer. @param extension the how manieth */
export async function extendGrant(
  trx: Trx,
  id: string,
  { expiresAt, extension }: { readonly expiresAt: Date; readonly extension: number },
): Promise<void> {
  await changeGrant(trx, EXTEND_GRANT, [id, expiresAt, extension]);
}

export async function changeGrant(trx: Trx, statement: Statement, values: readonly unknown[]): Promise<void> {
  const wasNot = (): Error => new Error(`${statement.name}: grant ${String(values[0])} was not as expected`);
  await sendLater(trx, new Call(statement, values, wasNot));
}
