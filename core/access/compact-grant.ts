import { type EntityUid, uidKey } from './entity.ts';
import type { LiveGrant } from './grant.ts';

/** What many grants have alike: they share one. */
export type GrantCommon = Pick<
  LiveGrant,
  | 'item'
  | 'approvers'
  | 'casts'
  | 'actions'
  | 'asked'
  | 'workflow'
  | 'steps'
  | 'seats'
  | 'durationMs'
  | 'terms'
  | 'extensions'
  | 'state'
>;

/** A live grant as a million of them are kept: half as big. Instants are milliseconds since 1970, for a Date takes a hundred bytes. */
export interface CompactGrant
  extends Pick<
    LiveGrant,
    'id' | 'requestId' | 'requester' | 'subject' | 'resource' | 'reason' | 'ticket' | 'usesLeft'
  > {
  readonly startsMs: number;
  readonly expiresMs: number;
  readonly lastUsedMs: number | undefined;
  readonly common: GrantCommon;
}

/** The grant as everybody else knows it. */
export function liveOf(compact: CompactGrant): LiveGrant {
  const { startsMs, expiresMs, lastUsedMs, common, ...own } = compact;
  return {
    ...common,
    ...own,
    startsAt: new Date(startsMs),
    expiresAt: new Date(expiresMs),
    lastUsedAt: lastUsedMs === undefined ? undefined : new Date(lastUsedMs),
  };
}

/** More than there are in a directory; when there are more, they are shared anew. */
const MOST_PARTS = 200_000;

/** Makes grants compact one by one, so that those that come later share what they have alike as well. */
export class GrantCompactor {
  readonly #uids = new Map<string, EntityUid>();
  readonly #commons = new Map<string, GrantCommon>();

  compact(grant: LiveGrant): CompactGrant {
    const { id, requestId, reason, ticket, usesLeft, ...shared } = grant;
    const { requester, subject, resource, startsAt, expiresAt, lastUsedAt, ...common } = shared;
    return {
      id,
      requestId,
      requester: this.#uid(requester),
      subject: this.#uid(subject),
      resource: this.#uid(resource),
      reason,
      ticket,
      usesLeft,
      startsMs: startsAt.getTime(),
      expiresMs: expiresAt.getTime(),
      lastUsedMs: lastUsedAt?.getTime(),
      common: kept(this.#commons, JSON.stringify(common), common),
    };
  }

  #uid(uid: EntityUid): EntityUid {
    return kept(this.#uids, uidKey(uid), uid);
  }
}

/** What is there by that key, this one if there is nothing yet. */
function kept<T>(parts: Map<string, T>, key: string, part: T): T {
  const known = parts.get(key);
  if (known !== undefined) return known;
  if (parts.size >= MOST_PARTS) parts.clear();
  parts.set(key, part);
  return part;
}
