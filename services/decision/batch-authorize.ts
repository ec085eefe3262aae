import { setImmediate } from 'node:timers/promises';
import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { FollowedState } from './followed-state.ts';
import type { Answer } from './answer.ts';
import { answerAgain } from './answer-again.ts';
import { answerAt, authorize, type DecisionContext } from './authorize.ts';
import { awaitRevision, checkRevision, notReached } from './await-revision.ts';
import { BATCH_RESTARTS, BATCH_SLICE_MS } from './limits.ts';
import type { Kept } from './memo.ts';
import { agedMoment, type Moment, momentOf } from './moment.ts';
import type { Question } from './question.ts';
import { takeUse } from './take-use.ts';
import type { Asking } from './uses.ts';

/** An answer, or why there is none. */
export type Result =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: unknown };

/** One question of the batch. */
export interface Asked {
  /** What is known of it; where that holds no more, or nothing is, it is read. */
  readonly known?: Kept | undefined;
  /** @throws AccessError */
  read(): Question;
  /** Told of the answer to the question as it was read. */
  answered?(context: DecisionContext, question: Question, answer: Answer): void;
}

/**
 * Answers questions at one instant and one revision, in the order asked. The batch waits once, for the latest revision that any of
 * them asks for; those for which it did not come get an error, the others an answer. A long batch lets others have their turn, and
 * starts again when the ledger goes on meanwhile; what it has not answered by the time that its instant is too old gets an error.
 * @throws AccessError NOT_READY for all of them
 */
export async function batchAuthorize(
  context: DecisionContext,
  asking: Asking,
  asked: readonly Asked[],
): Promise<readonly Result[]> {
  const { followed } = context;
  const questions = asked.map((each) => new BatchQuestion(followed, each));
  const revisions = questions.map((each) => each.atLeastRevision);
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
  readonly questions: readonly BatchQuestion[];
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
  let sliceMs = clock.monotonicMs();
  const results: Result[] = [];
  for (const question of questions) {
    if (givesWay && clock.monotonicMs() - sliceMs >= BATCH_SLICE_MS) {
      await setImmediate();
      if (replica.revision !== begin.revision || replica.generation !== begin.generation) return undefined;
      moment = agedMoment(moment, clock, staleStandingMs);
      sliceMs = clock.monotonicMs();
    }
    results.push(answerOne(batch, moment, question));
  }
  return results;
}

/** What a grant permits that takes a use permits only when that is acknowledged, one after the other: they may be of one grant. */
async function takeUses(
  context: DecisionContext,
  asking: Asking,
  questions: readonly BatchQuestion[],
  results: readonly Result[],
): Promise<readonly Result[]> {
  if (!results.some(isUse)) return results;
  const taken: Result[] = [];
  for (const [index, result] of results.entries()) {
    const question = isUse(result) ? questions[index]?.read() : undefined;
    if (!isUse(result) || question?.kind !== 'value') taken.push(result);
    else taken.push(await afterUse(context, asking, question.value, result.answer));
  }
  return taken;
}

function isUse(result: Result): result is Result & { readonly kind: 'answer' } {
  return result.kind === 'answer' && result.answer.settled.grant?.noting !== undefined;
}

async function afterUse(
  context: DecisionContext,
  asking: Asking,
  question: Question,
  answer: Answer,
): Promise<Result> {
  try {
    const permitting = await takeUse(context, asking, question, answer);
    if (permitting === answer.settled.grant?.id) return { kind: 'answer', answer };
    // Another grant counted this use before: only a call that is sent again meets that.
    if (permitting !== undefined)
      return { kind: 'answer', answer: await authorize(context, asking, question) };
    const message = 'the last use of the grant was taken by another call at the same moment; ask again';
    return { kind: 'error', error: new AccessError('CONFLICT', message) };
  } catch (error) {
    return { kind: 'error', error };
  }
}

function answerOne({ context, caller, late }: Batch, moment: Moment, each: BatchQuestion): Result {
  const { followed } = context;
  try {
    const again = each.answerAgain(context, moment, caller);
    if (again !== undefined) return { kind: 'answer', answer: again };
    const read = each.read();
    if (read.kind === 'error') return read;
    const question = read.value;
    if (question.atLeastRevision > followed.replica.revision) {
      throw late ?? notReached(followed.follower, question.atLeastRevision);
    }
    const answer = answerAt(context, moment, caller, question);
    each.answered(context, question, answer);
    return { kind: 'answer', answer };
  } catch (error) {
    return { kind: 'error', error };
  }
}

/** A question of the batch, read once, at the latest when it has to be. */
class BatchQuestion {
  readonly #followed: FollowedState;
  readonly #asked: Asked;
  #read: Attempt<Question> | undefined;

  constructor(followed: FollowedState, asked: Asked) {
    this.#followed = followed;
    this.#asked = asked;
  }

  get atLeastRevision(): bigint {
    if (this.#asked.known !== undefined) return 0n;
    const read = this.read();
    return read.kind === 'value' ? read.value.atLeastRevision : 0n;
  }

  answerAgain(context: DecisionContext, moment: Moment, caller: EntityUid): Answer | undefined {
    const { known } = this.#asked;
    return known === undefined ? undefined : answerAgain(context, moment, caller, known);
  }

  answered(context: DecisionContext, question: Question, answer: Answer): void {
    this.#asked.answered?.(context, question, answer);
  }

  read(): Attempt<Question> {
    this.#read ??= attempt(() => {
      const question = this.#asked.read();
      checkRevision(this.#followed, question.atLeastRevision, `${question.prefix}at_least_revision`);
      return question;
    });
    return this.#read;
  }
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
