import type { EntityUid } from '../../core/access/entity.ts';
import { isReadWhole } from '../../core/policy/context-reads.ts';
import { contextReadsAbout, mayReadNow } from '../../core/policy/reads-about.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { grantsAbout } from './covering-grants.ts';
import type { Decision } from './decide.ts';
import { kindOf } from './kind.ts';
import { createKnownQuestions, type KnownQuestions, noKnownQuestions } from './known-questions.ts';
import { MEMO_KEY_LENGTH } from './limits.ts';
import type { Moment } from './moment.ts';
import type { Question } from './question.ts';
import { keyOfQuestion } from './question-key.ts';
import { RecentMap } from '../../core/access/recent-map.ts';
import { unlocked } from './stops.ts';

/** What was decided of a question, with what an answer says besides. */
export interface Settled extends Decision {
  /** What the locks that stop it say, and what the forbids that applied advise. */
  readonly advice: readonly string[];
  /** The instant at which time alone could change the effect; undefined when it could not, or when nothing bounds it safely. */
  readonly validUntil: Date | undefined;
  /** Whether it holds until then, or else until something changes that the question names. */
  readonly mayBeKept: boolean;
}

/** Decisions that are made again only when something that they depend on has changed. */
export interface Memo {
  /** What was decided of the same question, where nothing has changed since; undefined where it has to be decided. */
  recall(asked: Asked): Kept | undefined;
  /**
   * The same of a question of which only the action and the types are known to be the schema's: only what was decided of one with
   * nothing else in it, which passed its checks.
   */
  recallUnchecked(asked: Asked): Kept | undefined;
  /** Keeps a decision, if it can be kept. */
  keep(asked: Asked, settled: Settled): void;
  /** The questions that they answer, by the bytes of their calls. */
  readonly known: KnownQuestions;
}

/** A question that passed its checks. */
export interface Asked {
  readonly replica: Replica;
  readonly question: Question;
  readonly action: ActionShape;
  readonly moment: Moment;
  /** Worked out by the memo when it is first needed. */
  key?: Key;
}

interface Key {
  readonly text: string;
  /** Whether everything in the question is in it. */
  readonly isWhole: boolean;
}

/** A decision that is kept, and until when it holds. */
export interface Kept extends Settled {
  /** About whom it is. */
  readonly principal: EntityUid;
  /** Whatever else the decision depends on: the same numbers stand for the same state. */
  readonly generation: number;
  readonly locks: number;
  readonly grants: number;
  /** Up to which the state is known to be the same; until there is another nobody has to look. */
  revision: bigint;
  readonly fromMs: number;
  readonly earlyMs: number;
  /** By the latest that it may be, time alone could change the decision from here on. */
  readonly untilMs: number;
  /** What all answers by it have in common, encoded when the first is; each byte is one character. */
  encoded: string | undefined;
}

/** Keeps nothing. */
export const noMemo: Memo = {
  recall: () => undefined,
  recallUnchecked: () => undefined,
  keep: () => undefined,
  known: noKnownQuestions,
};

/** @param most how many are kept; when there are more, those that nobody asked for lately are forgotten */
export function createMemo(most: number): Memo {
  const decisions = new RecentMap<Kept>(most);

  function find(asked: Asked, mustBeWhole: boolean): Kept | undefined {
    if (!isOrdinary(asked)) return undefined;
    const { text, isWhole } = keyOf(asked);
    const kept = mustBeWhole && !isWhole ? undefined : decisions.get(text);
    return kept !== undefined && holds(kept, asked.replica, asked.moment) ? kept : undefined;
  }

  return {
    recall: (asked) => find(asked, false),
    recallUnchecked: (asked) => find(asked, true),
    keep(asked, settled) {
      const untilMs = isOrdinary(asked) && isSound(settled) ? changesAt(asked) : undefined;
      if (untilMs === undefined) return;
      const { text } = keyOf(asked);
      if (text.length > MEMO_KEY_LENGTH) return;
      const { replica, question, moment } = asked;
      const { effect, grant, policyIds, errors, stops, reopensAt, advice, validUntil, mayBeKept } = settled;
      // Each by its name: V8 would put what comes after a spread into an object of its own.
      decisions.set(text, {
        effect,
        grant,
        policyIds,
        errors,
        stops,
        reopensAt,
        advice,
        validUntil,
        mayBeKept,
        principal: question.principal,
        generation: replica.generation,
        locks: replica.locks.changes,
        grants: replica.grants.stampOf(question.principal),
        revision: replica.revision,
        fromMs: moment.now.getTime(),
        earlyMs: moment.early?.getTime() ?? 0,
        untilMs,
        encoded: undefined,
      });
    },
    known: createKnownQuestions(most),
  };
}

/**
 * Whether it is asked as applications ask on every request, of a replica that knows of everything. What it names its use makes no
 * difference: where one of the grants is counted, nothing is kept.
 */
function isOrdinary({ question, moment }: Asked): boolean {
  const { explain, without } = question;
  const isFresh = moment.freshness === 'fresh' && moment.early !== undefined;
  return isFresh && !explain && (without === undefined || without.size === 0);
}

/** Locks end by themselves at times of their own, and what errs is to be seen each time. */
function isSound({ errors, stops }: Settled): boolean {
  return errors.length === 0 && stops.length === 0;
}

/** Whether nothing has changed that the decision depends on. */
export function holds(kept: Kept, replica: Replica, moment: Moment): boolean {
  const { fromMs, earlyMs, untilMs } = kept;
  const lateMs = moment.now.getTime();
  return (
    moment.freshness === 'fresh' &&
    moment.early !== undefined &&
    isSameState(kept, replica) &&
    // a clock that was set back is not trusted with what was decided later
    lateMs >= fromMs &&
    moment.early.getTime() >= earlyMs &&
    lateMs < untilMs
  );
}

function isSameState(kept: Kept, replica: Replica): boolean {
  const { principal, generation, locks, grants } = kept;
  // a start from a snapshot may bring another state without another revision
  if (generation !== replica.generation) return false;
  if (kept.revision === replica.revision) return true;
  if (locks !== replica.locks.changes || grants !== replica.grants.stampOf(principal)) return false;
  kept.revision = replica.revision;
  return true;
}

/**
 * When time alone could change the decision, Infinity when it could not: the next end or start of a grant about the question. Undefined
 * when that may be at any time: a policy reads the time, or a grant is begun or counted by its use, or locked for a while.
 */
function changesAt({ replica, question, action, moment }: Asked): number | undefined {
  const nowMs = moment.now.getTime();
  if (mayReadNow(replica.engine.policies, kindOf(question, action))) return undefined;
  const grants = grantsAbout(replica, question).filter(({ expiresAt }) => expiresAt.getTime() > nowMs);
  if (unlocked(replica, grants, moment.early).stopped.length > 0) return undefined;
  let untilMs = Number.POSITIVE_INFINITY;
  for (const { state, usesLeft, startsAt, expiresAt } of grants) {
    const isWaiting = state === 'SCHEDULED' && startsAt.getTime() > nowMs;
    if (usesLeft !== undefined || (state !== 'ACTIVE' && !isWaiting)) return undefined;
    untilMs = Math.min(untilMs, (isWaiting ? startsAt : expiresAt).getTime());
  }
  return untilMs;
}

/** Of the context only what policies read can change the decision. */
function keyOf(asked: Asked): Key {
  if (asked.key !== undefined) return asked.key;
  const { replica, question, action } = asked;
  const { context } = question;
  const reads =
    context.size === 0 ? 'whole' : contextReadsAbout(replica.engine.policies, kindOf(question, action));
  asked.key = { text: keyOfQuestion(question, reads), isWhole: isReadWhole(context, reads) };
  return asked.key;
}
