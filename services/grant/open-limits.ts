import { AccessError } from '../../core/access/access-error.ts';
import { uidKey } from '../../core/access/entity.ts';
import { MOST_OPEN, type OpenParty } from '../../core/access/open-limits.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { countOpenCall, holdLimitsCall, type OpenCount } from '../../core/store/open-counts.ts';
import type { Call } from '../../core/store/statement.ts';
import { DecideAgain } from './context.ts';

/** The two looks of a submission at what is open already; neither is a round trip of its own. */
export interface Room {
  /** Sent before anything is written. */
  readonly counting: readonly Call<OpenCount>[];
  /** Sent after the append, because others may open requests at the same moment. */
  readonly guards: readonly Call[];
}

/** Of a request that waits for nobody nothing is counted. */
export function roomFor({ requester, subject, items }: AccessRequest): Room {
  const waiting = items.filter((item) => item.workflow.steps.length > 0);
  if (waiting.length === 0) return { counting: [], guards: [] };
  const resources = waiting.map((item) => uidKey(item.resource));
  const parties = { requester: uidKey(requester), subject: uidKey(subject), resources };
  const full = (): Error => new DecideAgain('others opened requests at the same moment');
  return { counting: [countOpenCall(parties)], guards: [holdLimitsCall(parties, full)] };
}

/** @throws AccessError TOO_MANY_OPEN when what was counted leaves no room for one more */
export function requireRoom(room: Room): void {
  const problem = tooManyOpen(room);
  if (problem !== undefined) throw problem;
}

/** Why one more may not be opened; undefined when it may. */
export function tooManyOpen({ counting }: Room): AccessError | undefined {
  const counts = counting.flatMap((count) => count.rows);
  const full = counts.find(({ party, open }) => open >= MOST_OPEN[party]);
  if (full === undefined) return undefined;
  const { party, uid, open } = full;
  const message = `seen ${open} open requests ${OF[party]} ${uid}, wanted at most ${MOST_OPEN[party]} at once: ${REMEDY[party]}`;
  return new AccessError('TOO_MANY_OPEN', message, {
    metadata: { party, uid, open: String(open), limit: String(MOST_OPEN[party]) },
  });
}

const OF: Readonly<Record<OpenParty, string>> = { requester: 'by', subject: 'for', resource: 'on' };

const REMEDY: Readonly<Record<OpenParty, string>> = {
  requester: 'withdraw those that are not needed, or wait until some are decided',
  subject: 'withdraw those that are not needed, or wait until some are decided',
  resource: 'ask its reviewers to decide those that wait, then ask again',
};
