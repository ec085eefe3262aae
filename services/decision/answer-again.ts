import type { EntityUid } from '../../core/access/entity.ts';
import { type Answer, answerOf } from './answer.ts';
import type { DecisionContext } from './authorize.ts';
import { holds, type Kept } from './memo.ts';
import type { Moment } from './moment.ts';
import type { Question } from './question.ts';

/**
 * Answers a question again that is known, without reading it; undefined where something has changed and it has to be read.
 * @throws AccessError NOT_PERMITTED, EVALUATION_FAILED
 */
export function answerAgain(
  { followed, rights, observe }: DecisionContext,
  moment: Moment,
  caller: EntityUid,
  kept: Kept,
): Answer | undefined {
  const { replica, follower } = followed;
  if (follower.revision === undefined || !holds(kept, replica, moment)) return undefined;
  return observe(() => {
    const mayGoOnAsking = rights.require('authorize', caller, kept.principal, moment.now);
    return answerOf({ settled: kept, kept, replica, moment, mayGoOnAsking });
  });
}

/**
 * Takes note of what was answered, when it can be given again to whoever sends the same bytes. Of a question that comes for the first time
 * nothing is noted: most of these never come again.
 */
export function noteAnswered(
  { memo }: DecisionContext,
  bytes: Uint8Array,
  { atLeastRevision, useId }: Question,
  { kept, settled: { grant } }: Answer,
): void {
  // What waits for a revision is asked anew, and a use is taken anew.
  if (kept === undefined || atLeastRevision !== 0n) return;
  if (grant?.noting === undefined) memo.known.note(bytes, useId, kept);
}
