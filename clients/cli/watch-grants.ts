import { setTimeout as delay } from 'node:timers/promises';
import type { Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { exitCode } from './exit-code.ts';
import { grantTable } from './grant-table.ts';
import type { Session } from './session.ts';

const everyMs = 2_000;

/** Shows grants and how long they last until Ctrl-C: in place on a terminal, else a line whenever one has changed. */
export async function watchGrants(
  { terminal }: Session,
  list: (signal: AbortSignal) => Promise<readonly Grant[]>,
): Promise<typeof exitCode.ok> {
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt(() => stop.abort());
  const told = new Map<string, string>();
  try {
    for (;;) {
      const grants = await list(stop.signal);
      const changed = grants.filter((grant) => told.get(grant.id) !== standing(grant));
      for (const grant of grants) told.set(grant.id, standing(grant));
      if (terminal.redraw === undefined) terminal.out(grantTable(changed, terminal).slice(1));
      else terminal.redraw(grants.length === 0 ? ['no grants'] : grantTable(grants, terminal));
      await delay(everyMs, undefined, { signal: stop.signal });
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stopListening();
  }
  return exitCode.ok;
}

/** What makes a line of its own when it changes. */
function standing({ state, endReason, startsAt, expiresAt, usesLeft, locks }: Grant): string {
  const locked = locks.map(({ id }) => id);
  return [state, endReason, startsAt?.seconds, expiresAt?.seconds, usesLeft, ...locked].join(' ');
}
