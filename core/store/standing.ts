import { uidKey } from '../access/entity.ts';
import { type AccessRequest, hashWish, type RequestItem } from '../access/request.ts';
import { NOT_IDLE } from './idle.ts';
import { Call, send, type Statement } from './statement.ts';
import { clockCall, nowOf, type Trx } from './transition.ts';

const FIND_WISH: Statement = {
  name: 'find_wish',
  isRead: true,
  text: `SELECT id FROM access_requests WHERE (wish = $1 OR extends = $2) AND state = 'PENDING' LIMIT 1`,
};

const FIND_HELD: Statement = {
  name: 'find_held',
  isRead: true,
  text: `
    SELECT request_id AS id, grants.id AS grant_id FROM grants
    WHERE subject = $1 AND resource = $2 AND workflow = $3 AND actions @> $4::text[] AND break_glass = $5 AND reason = $7 AND ticket = $8 AND state <> 'ENDED'
      AND uses_left IS DISTINCT FROM 0
      AND CASE state
        WHEN 'CLAIMABLE' THEN expires_at > clock_timestamp() AND duration_ms >= $6::bigint / 2
        ELSE starts_at <= clock_timestamp() AND expires_at >= clock_timestamp() + $6::bigint / 2 * interval '1 millisecond'
          AND ${NOT_IDLE} END
    ORDER BY position DESC`,
};

/** A request by whose grants its subject holds what is asked for, for the same reason and for at least half of the time. */
export interface Held {
  readonly requestId: string;
  /** One for each item. */
  readonly grantIds: readonly string[];
}

/** What is there already of a request. */
export interface Standing {
  /** The request that asks for the same, or to extend the same grant, and is pending in the record. */
  readonly pendingId: string | undefined;
  /** By whose grants the subject holds all of it, newest first. */
  readonly held: readonly Held[];
  /** The database's clock. */
  readonly now: Date;
}

/** Looks for what is there already of a request that is about to be made, with one round trip. */
export async function findStanding(trx: Trx, request: AccessRequest): Promise<Standing> {
  const wish = new Call<Found>(FIND_WISH, [hashWish(request), request.extends?.grantId ?? null]);
  const held = heldCalls(request);
  const clock = clockCall();
  await send(trx, wish, ...held, clock);
  return { pendingId: wish.rows[0]?.id, held: inAll(held), now: nowOf(clock) };
}

/** `held` of a standing, as of now: of what was committed meanwhile, too. */
export async function findHeld(trx: Trx, request: AccessRequest): Promise<readonly Held[]> {
  const held = heldCalls(request);
  if (held.length > 0) await send(trx, ...held);
  return inAll(held);
}

interface Found {
  readonly id: string;
}

interface FoundGrant extends Found {
  readonly grant_id: string;
}

/** A call for each item; none where a fixed start or an extension is asked for, which one may want besides. */
function heldCalls(request: AccessRequest): readonly Call<FoundGrant>[] {
  if (request.startsAt !== undefined || request.extends !== undefined) return [];
  return request.items.map((item) => new Call<FoundGrant>(FIND_HELD, heldValues(request, item)));
}

function heldValues(
  { subject, breakGlass, durationMs, reason, ticket }: AccessRequest,
  { resource, workflow, actions }: RequestItem,
): readonly unknown[] {
  return [
    uidKey(subject),
    uidKey(resource),
    workflow.id,
    actions.map(uidKey),
    breakGlass,
    durationMs,
    reason,
    ticket,
  ];
}

function inAll(calls: readonly Call<FoundGrant>[]): readonly Held[] {
  const [first, ...others] = calls.map((call) => new Map(call.rows.map((row) => [row.id, row.grant_id])));
  return Array.from(first ?? [], ([requestId, grantId]) => ({
    requestId,
    grantIds: [grantId, ...others.flatMap((grants) => grants.get(requestId) ?? [])],
  })).filter(({ grantIds }) => grantIds.length === calls.length);
}
