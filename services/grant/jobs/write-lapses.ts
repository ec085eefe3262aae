import { setImmediate } from 'node:timers/promises';
import { AccessError } from '../../../core/access/access-error.ts';
import { type Due, DUE_KINDS, type DueKind, readDue } from '../../../core/store/due.ts';
import { lockGrant } from '../../../core/store/grants.ts';
import { lockRequest } from '../../../core/store/requests.ts';
import { bySystem, decide, type GrantContext } from '../context.ts';
import { lapseGrant, lapseRequest } from '../lapses.ts';

/** What is read at once. */
const PAGE = 100;
/** Written at once: few, for calls use the same connections. */
const AT_ONCE = 4;

/**
 * Writes into history what time has done: items that nobody answered, grants that are over, unclaimed, idle or begun. Longest due
 * first. Nobody waits for any of it, for access is decided by the clock.
 * @throws AccessError DATABASE_UNAVAILABLE, NOT_READY: then the rest waits
 * @throws Error when some could not be written; all others are
 */
export async function writeLapses(context: GrantContext, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const kind of DUE_KINDS) {
    for await (const some of dueOf(context, kind)) {
      if (signal.aborted) return;
      const written = await Promise.all(some.map((due) => tryToWrite(context, kind, due)));
      failures.push(...written.filter((failure) => failure !== undefined));
      await setImmediate();
    }
  }
  if (failures.length > 0)
    throw new Error(`${failures.length} lapses could not be written`, { cause: failures[0] });
}

/** What is due of a kind, a few at a time; what could not be written is passed by. */
async function* dueOf({ database }: GrantContext, kind: DueKind): AsyncGenerator<readonly Due[]> {
  for (let after: Due | undefined; ; ) {
    const page = await readDue(database, kind, { after, size: PAGE });
    for (let first = 0; first < page.length; first += AT_ONCE) yield page.slice(first, first + AT_ONCE);
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

/** Whether it will be over by itself, and everything else would fail of it as well. */
export function isPassing(error: unknown): error is AccessError {
  return error instanceof AccessError && ['DATABASE_UNAVAILABLE', 'NOT_READY'].includes(error.reason);
}

/** @returns why it could not be written, undefined when it is */
async function tryToWrite(context: GrantContext, kind: DueKind, { id }: Due): Promise<unknown> {
  try {
    await (kind === 'items' ? writeRequest(context, id) : writeGrant(context, id));
    return undefined;
  } catch (error) {
    if (isPassing(error)) throw error;
    return new Error(`${kind} ${id}`, { cause: error });
  }
}

async function writeRequest(context: GrantContext, id: string): Promise<void> {
  await decide(bySystem(context), async (trx) => {
    const found = await lockRequest(trx, id);
    const events = found === undefined ? [] : (await lapseRequest(trx, found.row, found.now)).events;
    return { events, result: () => undefined };
  });
}

async function writeGrant(context: GrantContext, id: string): Promise<void> {
  const { replica } = context.followed;
  await decide(bySystem(context), async (trx) => {
    const found = await lockGrant(trx, id);
    const events = found === undefined ? [] : (await lapseGrant(trx, replica, found.row, found.now)).events;
    return { events, result: () => undefined };
  });
}
