import { setImmediate } from 'node:timers/promises';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Logger } from '../../../core/runtime/log.ts';
import { type Due, DUE_KINDS, type DueKind, readDue } from '../../../core/store/due.ts';
import { lockGrant } from '../../../core/store/grants.ts';
import { lockRequest } from '../../../core/store/requests.ts';
import { decide, type GrantContext } from '../context.ts';
import { lapseGrant, lapseRequest } from '../lapses.ts';

/** What is read at once. */
const PAGE = 100;
/** Written at once: few, for calls use the same connections. */
const AT_ONCE = 4;

/**
 * Writes into history what time has done: items that nobody answered, grants that are over, unclaimed, idle or begun. Longest due
 * first. What cannot be written is logged and left for the next time; nobody waits for any of it, for access is decided by the clock.
 * @throws AccessError DATABASE_UNAVAILABLE, NOT_READY: then all of it waits
 * @throws Error when some of it could not be written
 */
export async function writeLapses(context: GrantContext, log: Logger, signal: AbortSignal): Promise<void> {
  const failed: Due[] = [];
  for (const kind of DUE_KINDS) {
    let after: Due | undefined;
    do {
      const page = await readDue(context.database, kind, { after, size: PAGE });
      after = page.length < PAGE ? undefined : page.at(-1);
      for (let first = 0; first < page.length; first += AT_ONCE) {
        if (signal.aborted) return;
        const some = page.slice(first, first + AT_ONCE);
        const written = await Promise.all(some.map((due) => tryToWrite(context, kind, due, log)));
        failed.push(...some.filter((_, index) => written[index] === false));
        await setImmediate();
      }
    } while (after !== undefined);
  }
  if (failed.length > 0) throw new Error(`${failed.length} lapses could not be written`);
}

const ALL_FAIL: ReadonlySet<string> = new Set(['DATABASE_UNAVAILABLE', 'NOT_READY']);

async function tryToWrite(context: GrantContext, kind: DueKind, due: Due, log: Logger): Promise<boolean> {
  try {
    await (kind === 'items' ? writeRequest(context, due.id) : writeGrant(context, due.id));
    return true;
  } catch (error) {
    if (error instanceof AccessError && ALL_FAIL.has(error.reason)) throw error;
    log.error({ err: error, kind, id: due.id }, 'what time has done could not be written down');
    return false;
  }
}

async function writeRequest(context: GrantContext, id: string): Promise<void> {
  await decide(context, async (trx) => {
    const found = await lockRequest(trx, id);
    const events = found === undefined ? [] : (await lapseRequest(trx, found.row, found.now)).events;
    return { events, result: () => undefined };
  });
}

async function writeGrant(context: GrantContext, id: string): Promise<void> {
  const { replica } = context.followed;
  await decide(context, async (trx) => {
    const found = await lockGrant(trx, id);
    const events = found === undefined ? [] : (await lapseGrant(trx, replica, found.row, found.now)).events;
    return { events, result: () => undefined };
  });
}
