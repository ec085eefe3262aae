import { type AccessRequest, type Review, VerdictSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { isDecided } from '../sdk/index.ts';
import { showInstant } from './instants.ts';
import { text } from './printable.ts';
import { comesToLines, outcomeLines, showEntity } from './request-screen.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * The request once it is decided, each vote and what it makes of the items told on stderr as they come in, or with `isWatching` the
 * whole progress; undefined when the person gives up with Ctrl-C, and then
 * the request goes on.
 */
export async function waitForDecision(
  session: Session,
  request: AccessRequest,
  isWatching = false,
): Promise<AccessRequest | undefined> {
  const { curfew, terminal } = session;
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt(() => stop.abort());
  const until = showInstant(request.expiresAt, terminal.now());
  terminal.note([
    text`waiting for the decision, until ${until}; Ctrl-C stops waiting and leaves the request as it is`,
  ]);
  let last = request;
  try {
    for await (const current of curfew.watchAccess(request.id, { signal: stop.signal })) {
      if (isDecided(current) || !isWatching) terminal.note(changes(last, current, terminal));
      else if (changes(last, current, terminal).length > 0) terminal.note(outcomeLines(current, terminal));
      last = current;
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

/** The votes that are new, those that were taken back, and what the items come to where that is another thing now. */
function changes(before: AccessRequest, after: AccessRequest, terminal: Terminal): readonly string[] {
  const now = terminal.now();
  const known = new Set(comesToLines(before, now));
  const takenBack = after.reviews.filter(
    ({ withdrawnAt }, index) => withdrawnAt !== undefined && before.reviews[index]?.withdrawnAt === undefined,
  );
  return [
    ...after.reviews.slice(before.reviews.length).map((review) => vote(review)),
    ...takenBack.map(
      ({ reviewer, item }) => text`taken back by ${showEntity(reviewer)} for item ${item + 1}`,
    ),
    ...comesToLines(after, now).filter((line) => !known.has(line)),
  ];
}

function vote({ reviewer, verdict, item, comment }: Review): string {
  const name = VerdictSchema.value[verdict]?.localName ?? verdict;
  const words = comment === '' ? '' : `: ${comment}`;
  return text`${name} by ${showEntity(reviewer)} for item ${item + 1}${words}`;
}
