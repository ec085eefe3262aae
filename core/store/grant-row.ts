import type { Selectable } from 'kysely';
import { parseUidKey, uidKey } from '../access/entity.ts';
import type { AskedOtherwise, Grant, GrantStanding } from '../access/grant.ts';
import type { KeptCast } from '../access/sign-in.ts';
import type { Grants } from './schema.ts';

export type GrantRow = Selectable<Grants>;

export function toGrant(row: GrantRow): Grant {
  return {
    id: row.id,
    requestId: row.request_id,
    item: row.item,
    requester: parseUidKey(row.requester),
    subject: parseUidKey(row.subject),
    approvers: row.approvers.map(parseUidKey),
    ...(row.casts === null ? {} : { casts: parseCasts(row.casts) }),
    actions: row.actions.map(parseUidKey),
    ...(row.asked === null ? {} : { asked: parseAsked(row.asked) }),
    resource: parseUidKey(row.resource),
    workflow: row.workflow,
    steps: row.steps,
    seats: row.seats,
    reason: row.reason,
    ticket: row.ticket,
    startsAt: row.starts_at,
    expiresAt: row.expires_at,
    durationMs: Number(row.duration_ms),
    terms: {
      breakGlass: row.break_glass,
      onChange: row.keep_on_change ? 'keep' : 'end',
      ...(row.idle_ms === null ? {} : { idleMs: Number(row.idle_ms) }),
      maxExtensions: row.max_extensions,
    },
    extensions: row.extensions,
    usesLeft: row.uses_left ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

/** Reads what `insertGrant` wrote. */
export function parseCasts(text: string): readonly KeptCast[] {
  return JSON.parse(text, (name, value: unknown) =>
    name === 'at' ? new Date(String(value)) : value,
  ) as KeptCast[]; // as written
}

/** As `parseAsked` reads it: its actions by `uidKey`. */
export function formatAsked(asked: AskedOtherwise | undefined): string | null {
  return asked === undefined ? null : JSON.stringify({ ...asked, actions: asked.actions?.map(uidKey) });
}

/** Reads what `formatAsked` wrote. */
export function parseAsked(text: string): AskedOtherwise {
  const { actions, durationMs, startsAt } = JSON.parse(text) as StoredAsked; // as written
  return {
    ...(actions === undefined ? {} : { actions: actions.map(parseUidKey) }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(startsAt === undefined ? {} : { startsAt: new Date(startsAt) }),
  };
}

interface StoredAsked {
  readonly actions?: readonly string[];
  readonly durationMs?: number;
  readonly startsAt?: string;
}

/** What has been written down of where the grant stands. */
export function toStanding(row: GrantRow): GrantStanding {
  const { state, end_reason: endReason, ended_at: endedAt } = row;
  if (state !== 'ENDED') return { state };
  if (endReason === null || endedAt === null) throw new Error(`grant ${row.id} ended without saying how`);
  return { state, endReason, endedAt };
}
