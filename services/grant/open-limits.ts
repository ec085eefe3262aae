import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { MOST_OPEN, type OpenParty } from '../../core/access/open-limits.ts';
import type { RequestItem } from '../../core/access/request.ts';
import { countOpenCall, holdLimitsCall, type OpenCount } from '../../core/store/open-counts.ts';
import type { Database } from '../../core/store/connect.ts';
import { guarded } from '../../core/store/database-error.ts';
import { type Call, send } from '../../core/store/statement.ts';
import { DecideAgain } from './context.ts';

/** The two looks of a submission at what is open already; neither is a round trip of its own. */
export interface Room {
  /** Sent before anything is written. */
  readonly counting: readonly Call<OpenCount>[];
  /** Sent after the append, because others may open requests at the same moment. */
  readonly guards: readonly Call[];
}

/** Of a request that waits for nobody nothing is counted. */
export function roomFor(
  { requester, subject }: { readonly requester: EntityUid; readonly subject: EntityUid },
  items: readonly RequestItem[],
): Room {
  const waiting = items.filter((item) => item.workflow.steps.length > 0);
  if (waiting.length === 0) return { counting: [], guards: [] };
  const resources = waiting.map((item) => uidKey(item.resource));
  const parties = { requester: uidKey(requester), subject: uidKey(subject), resources };
  const full = (): Error => new DecideAgain('others opened requests at the same moment');
  return { counting: [countOpenCall(parties)], guards: [holdLimitsCall(parties, full)] };
}

/** Who was refused and was not seen to have room since: of so many it is remembered. */
const MOST_REMEMBERED = 1_000;
const refused = new WeakMap<Database, Set<string>>();

/**
 * Refuses whoever goes on asking before more is done for them: to count is far less work than to look for reviewers.
 * @throws AccessError TOO_MANY_OPEN
 */
export async function requireRoomLeft(
  database: Database,
  requester: EntityUid,
  { counting }: Room,
): Promise<void> {
  const known = refused.get(database);
  if (known?.has(uidKey(requester)) !== true || counting.length === 0) return;
  await guarded(() => send(database, ...counting));
  requireRoom(database, requester, { counting });
  known.delete(uidKey(requester));
}

/** @throws AccessError TOO_MANY_OPEN when what was counted leaves no room for one more */
export function requireRoom(
  database: Database,
  requester: EntityUid,
  { counting }: Pick<Room, 'counting'>,
): void {
  const problem = tooManyOpen(counting.flatMap((count) => count.rows));
  if (problem === undefined) return;
  const known = refused.get(database) ?? new Set<string>();
  refused.set(database, known);
  if (known.size >= MOST_REMEMBERED) known.clear();
  known.add(uidKey(requester));
  throw problem;
}

/** Why one more may not be opened; undefined when it may. */
export function tooManyOpen(counts: readonly OpenCount[]): AccessError | undefined {
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
