import { type AccessRequest, type Review, VerdictSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { isDecided } from '../sdk/index.ts';
import { showInstant } from './instants.ts';
import { text } from './printable.ts';
import { showEntity } from './request-screen.ts';
import type { Session } from './session.ts';

/**
 * The request once it is decided, each vote told on stderr as it comes in; undefined when the person gives up with Ctrl-C, and then
 * the request goes on.
 */
export async function waitForDecision(
  session: Session,
  request: AccessRequest,
): Promise<AccessRequest | undefined> {
  const { curfew, terminal } = session;
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt(() => stop.abort());
  const until = showInstant(request.expiresAt, terminal.now());
  terminal.note([
    text`waiting for the decision, until ${until}; Ctrl-C stops waiting and leaves the request as it is`,
  ]);
  let told = request.reviews.length;
  try {
    for await (const current of curfew.watchAccess(request.id, { signal: stop.signal })) {
      terminal.note(current.reviews.slice(told).map((review) => vote(review)));
      told = current.reviews.length;
      if (isDecided(current)) return current;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.note([
      'the request goes on',
      `Next: ${session.command('requests', 'show', request.id)}`,
      `  or: ${session.command('withdraw', request.id)}`,
    ]);
  } finally {
    stopListening();
  }
  return undefined;
}

function vote({ reviewer, verdict, item, comment }: Review): string {
  const name = VerdictSchema.value[verdict]?.localName ?? verdict;
  const words = comment === '' ? '' : `: ${comment}`;
  return text`${name} by ${showEntity(reviewer)} for item ${item + 1}${words}`;
}
