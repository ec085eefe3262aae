import { setTimeout as delay } from 'node:timers/promises';
import type { Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { ListGrantsResponse } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { exitCode } from './exit-code.ts';
import { grantTable } from './grant-table.ts';
import { withServerClock } from './server-clock.ts';
import type { Terminal } from './terminal.ts';

const everyMs = 2_000;
/** What is left is shown in seconds. */
const redrawMs = 1_000;

/** Shows grants and how long they last until Ctrl-C: in place on a terminal, every second; else a line whenever one has changed. */
export async function watchGrants(
  terminal: Terminal,
  list: (signal: AbortSignal) => Promise<Pick<ListGrantsResponse, 'grants' | 'now'>>,
): Promise<typeof exitCode.ok> {
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt(() => stop.abort());
  const told = new Map<string, string>();
  try {
    for (;;) {
      const sentMs = performance.now();
      const { grants, now } = await list(stop.signal);
      const changed = grants.filter((grant) => told.get(grant.id) !== standing(grant));
      for (const grant of grants) told.set(grant.id, standing(grant));
      const clocked = withServerClock(terminal, now, sentMs);
      if (terminal.redraw === undefined) terminal.out(grantTable(changed, clocked).slice(1));
      for (let shownMs = 0; shownMs < everyMs; shownMs += redrawMs) {
        terminal.redraw?.(grants.length === 0 ? ['no grants'] : grantTable(grants, clocked));
        await delay(redrawMs, undefined, { signal: stop.signal });
      }
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
