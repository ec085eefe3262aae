import { setImmediate } from 'node:timers/promises';
import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { FollowedState } from './followed-state.ts';
import { type Answer, answerAt, type DecisionContext } from './authorize.ts';
import { awaitRevision, checkRevision, notReached } from './await-revision.ts';
import { BATCH_RESTARTS, BATCH_SLICE_MS } from './limits.ts';
import { agedMoment, type Moment, momentOf } from './moment.ts';
import type { Question } from './question.ts';
import { type Asking, mayStand } from './uses.ts';

/** An answer, or why there is none. */
export type Result =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: unknown };

/** Reads one question of the batch. @throws AccessError */
export type ReadQuestion = () => Question;

/**
 * Answers questions at one instant and one revision, in the order asked. The batch waits once, for the latest revision that any of
 * them asks for; those for which it did not come get an error, the others an answer. A long batch lets others have their turn, and
 * starts again when the ledger goes on meanwhile; what it has not answered by the time that its instant is too old gets an error.
 * @throws AccessError NOT_READY for all of them
 */
export async function batchAuthorize(
  context: DecisionContext,
  asking: Asking,
  read: readonly ReadQuestion[],
): Promise<readonly Result[]> {
  const { followed } = context;
  const questions = read.map((readOne) =>
    attempt(() => {
      const question = readOne();
      checkRevision(followed, question.atLeastRevision, `${question.prefix}at_least_revision`);
      return question;
    }),
  );
  const revisions = questions.map((each) => (each.kind === 'value' ? each.value.atLeastRevision : 0n));
  const late = await awaitLatest(followed, revisions);
  for (let restarts = 0; ; restarts += 1) {
    const { caller } = asking;
    const batch = { context, caller, questions, late, givesWay: restarts < BATCH_RESTARTS };
    const results = await answerAll(batch);
    if (results !== undefined) return await takeUses(context, asking, questions, results);
  }
}

interface Batch {
  readonly context: DecisionContext;
  readonly caller: EntityUid;
  readonly questions: readonly Attempt<Question>[];
  /** Why the latest revision is not there, if it is not. */
  readonly late: unknown;
  readonly givesWay: boolean;
}

/** Answers all, others getting their turn in between; undefined when the replica went on meanwhile. */
async function answerAll(batch: Batch): Promise<readonly Result[] | undefined> {
  const { context, questions, givesWay } = batch;
  const { followed, staleStandingMs } = context;
  const { clock, replica } = followed;
  const begin = { revision: replica.revision, generation: replica.generation };
  let moment = momentOf(clock, staleStandingMs);
  let sliceMs = clock.look().monotonicMs;
  const results: Result[] = [];
  for (const question of questions) {
    if (givesWay && clock.look().monotonicMs - sliceMs >= BATCH_SLICE_MS) {
      await setImmediate();
      if (replica.revision !== begin.revision || replica.generation !== begin.generation) return undefined;
      moment = agedMoment(moment, clock, staleStandingMs);
      sliceMs = clock.look().monotonicMs;
    }
    results.push(answerOne(batch, moment, question));
  }
  return results;
}

/** What a grant permits that takes a use permits only when that is acknowledged, one after the other: they may be of one grant. */
async function takeUses(
  context: DecisionContext,
  asking: Asking,
  questions: readonly Attempt<Question>[],
  results: readonly Result[],
): Promise<readonly Result[]> {
  const taken: Result[] = [];
  for (const [index, result] of results.entries()) {
    const question = questions[index];
    if (result.kind === 'error' || question?.kind !== 'value') taken.push(result);
    else taken.push(await takeUse(context, asking, question.value, result.answer));
  }
  return taken;
}

async function takeUse(
  context: DecisionContext,
  asking: Asking,
  question: Question,
  answer: Answer,
): Promise<Result> {
  try {
    if (await mayStand(context, asking, question, answer)) return { kind: 'answer', answer };
    const message = 'the last use of the grant was taken by another call at the same moment; ask again';
    return { kind: 'error', error: new AccessError('CONFLICT', message) };
  } catch (error) {
    return { kind: 'error', error };
  }
}

function answerOne({ context, caller, late }: Batch, moment: Moment, each: Attempt<Question>): Result {
  if (each.kind === 'error') return each;
  const { followed } = context;
  const question = each.value;
  const answered = attempt(() => {
    if (question.atLeastRevision > followed.replica.revision) {
      throw late ?? notReached(followed.follower, question.atLeastRevision);
    }
    return answerAt(context, moment, caller, question);
  });
  return answered.kind === 'error' ? answered : { kind: 'answer', answer: answered.value };
}

/** Why the latest of the revisions is not there, if it is not; what every question needs is thrown. */
async function awaitLatest(followed: FollowedState, revisions: readonly bigint[]): Promise<unknown> {
  const latest = revisions.reduce((a, b) => (a > b ? a : b), 0n);
  try {
    await awaitRevision(followed, latest);
    return undefined;
  } catch (error) {
    const isForAll = followed.follower.revision === undefined || !(error instanceof AccessError);
    if (isForAll) throw error;
    return error;
  }
}

type Attempt<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { kind: 'value', value: work() };
  } catch (error) {
    return { kind: 'error', error };
  }
}
