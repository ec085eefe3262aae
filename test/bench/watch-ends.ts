import { setTimeout as pause } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type AuthorizeResponse, Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { DecisionReplica } from '../chaos/cluster.ts';
import type { Ending, Pair } from './expiring-grants.ts';

/** How far from its end a grant is asked about. */
export const AROUND_MS = 30;
/** How much too early it may be over. */
export const EARLY_MS = 20;
const TICK_MS = 5;
const MOST_IN_BATCH = 500;

/** What one replica answered around the ends. */
export interface Seen {
  asked: number;
  /** Asked without an answer. */
  refused: number;
  allowedLate: number;
  deniedEarly: number;
  /** Permitted within `AROUND_MS` before their end, and denied within `AROUND_MS` from it on. */
  readonly live: Set<Pair>;
  readonly ended: Set<Pair>;
}

export function nothingSeen(): Seen {
  return { asked: 0, refused: 0, allowedLate: 0, deniedEarly: 0, live: new Set(), ended: new Set() };
}

/** Asks the replica again and again about every grant that is within `AROUND_MS` of its end, until the last one has ended. */
export async function watchEnds(
  { ask }: DecisionReplica,
  endings: readonly Ending[],
  seen: Seen,
): Promise<void> {
  let from = 0;
  while (from < endings.length) {
    await pause(TICK_MS);
    const sentAt = Date.now();
    while ((endings[from]?.expiresAt ?? Number.POSITIVE_INFINITY) < sentAt - AROUND_MS) from += 1;
    const near = endings
      .slice(from, from + MOST_IN_BATCH)
      .filter(({ expiresAt }) => expiresAt < sentAt + AROUND_MS);
    if (near.length === 0) continue;
    const { results } = await ask.batchAuthorize({
      requests: near.map(({ pair: { person, database } }) => ({
        principal: { type: 'User', id: person },
        action: { id: 'read' },
        resource: { type: 'Database', id: database },
      })),
    });
    for (const [index, ending] of near.entries()) {
      const result = results[index]?.result;
      if (result?.case === 'response') judge(seen, ending, { answer: result.value, sentAt });
      else seen.refused += 1;
    }
  }
}

interface Answered {
  readonly answer: AuthorizeResponse;
  /** By the clock of this process, which is the service's: nothing was decided before. */
  readonly sentAt: number;
}

function judge(seen: Seen, ending: Ending, { answer, sentAt }: Answered): void {
  const { effect, decidedAt } = answer;
  if (decidedAt === undefined) throw new Error('an answer does not say when it was decided');
  // A replica that says an earlier time than the question's would only look right.
  const leftMs = ending.expiresAt - Math.max(timestampMs(decidedAt), sentAt);
  seen.asked += 1;
  if (effect === Effect.ALLOW) {
    if (leftMs <= 0) seen.allowedLate += 1;
    else if (leftMs <= AROUND_MS) seen.live.add(ending.pair);
  } else {
    if (leftMs > EARLY_MS) seen.deniedEarly += 1;
    if (leftMs <= 0 && leftMs > -AROUND_MS) seen.ended.add(ending.pair);
  }
}
