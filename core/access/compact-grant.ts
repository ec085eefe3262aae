import { uidKey } from './entity.ts';
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

/** A live grant in the form in which a million of them are read and kept: entities by `uidKey`, instants in milliseconds since 1970. */
export interface CompactGrant extends Pick<LiveGrant, 'id' | 'requestId' | 'reason' | 'ticket' | 'usesLeft'> {
  readonly requester: string;
  readonly subject: string;
  readonly resource: string;
  readonly startsMs: number;
  readonly expiresMs: number;
  readonly lastUsedMs: number | undefined;
  readonly common: GrantCommon;
}

/** More than there are in use; when there are more, they are shared anew. */
const MOST_COMMONS = 200_000;

/** Makes grants compact one by one, so that those that come later share what they have alike as well. */
export class GrantCompactor {
  readonly #commons = new Map<string, GrantCommon>();

  compact(grant: LiveGrant): CompactGrant {
    const { id, requestId, reason, ticket, usesLeft, ...shared } = grant;
    const { requester, subject, resource, startsAt, expiresAt, lastUsedAt, ...common } = shared;
    return {
      id,
      requestId,
      requester: uidKey(requester),
      subject: uidKey(subject),
      resource: uidKey(resource),
      reason,
      ticket,
      usesLeft,
      startsMs: startsAt.getTime(),
      expiresMs: expiresAt.getTime(),
      lastUsedMs: lastUsedAt?.getTime(),
      common: this.#shared(common),
    };
  }

  #shared(common: GrantCommon): GrantCommon {
    const key = JSON.stringify(common);
    const known = this.#commons.get(key);
    if (known !== undefined) return known;
    if (this.#commons.size >= MOST_COMMONS) this.#commons.clear();
    this.#commons.set(key, common);
    return common;
  }
}
