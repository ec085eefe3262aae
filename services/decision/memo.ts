import { onlyRead } from '../../core/policy/context-reads.ts';
import { contextReadsAbout, mayReadNow } from '../../core/policy/reads-about.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { grantsAbout } from './covering-grants.ts';
import type { Decision } from './decide.ts';
import { MEMO_KEY_LENGTH } from './limits.ts';
import type { Moment } from './moment.ts';
import type { Question } from './question.ts';
import { keyOfQuestion } from './question-key.ts';

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
  recall(asked: Asked): Settled | undefined;
  /** Keeps a decision, if it can be kept; hands it on. */
  keep(asked: Asked, settled: Settled): Settled;
}

/** A question that passed its checks. */
export interface Asked {
  readonly replica: Replica;
  readonly question: Question;
  readonly action: ActionShape;
  readonly moment: Moment;
}

interface Kept {
  readonly settled: Settled;
  readonly state: State;
  readonly fromMs: number;
  readonly earlyMs: number;
  /** By the latest that it may be, time alone could change the decision from here on. */
  readonly untilMs: number;
}

/** Whatever else a decision depends on; the same numbers stand for the same state. */
interface State {
  readonly generation: number;
  readonly locks: number;
  readonly grants: number;
}

/** Keeps nothing. */
export const noMemo: Memo = { recall: () => undefined, keep: (_asked, settled) => settled };

/** @param most how many are kept; when there are more, those that nobody asked for lately are forgotten */
export function createMemo(most: number): Memo {
  let young = new Map<string, Kept>();
  let old = new Map<string, Kept>();

  function find(key: string): Kept | undefined {
    const found = young.get(key);
    if (found !== undefined) return found;
    const before = old.get(key);
    if (before !== undefined) put(key, before);
    return before;
  }

  function put(key: string, kept: Kept): void {
    if (young.size >= most / 2) {
      old = young;
      young = new Map();
    }
    young.set(key, kept);
  }

  return {
    recall(asked) {
      if (!isOrdinary(asked)) return undefined;
      const kept = find(keyOf(asked));
      return kept !== undefined && holds(kept, asked) ? kept.settled : undefined;
    },
    keep(asked, settled) {
      const untilMs = isOrdinary(asked) && isSound(settled) ? changesAt(asked) : undefined;
      if (untilMs === undefined) return settled;
      const key = keyOf(asked);
      const { now, early } = asked.moment;
      if (key.length <= MEMO_KEY_LENGTH)
        put(key, {
          settled,
          state: stateOf(asked),
          fromMs: now.getTime(),
          earlyMs: early?.getTime() ?? 0,
          untilMs,
        });
      return settled;
    },
  };
}

/** Whether it is asked as applications ask on every request, of a replica that knows of everything. */
function isOrdinary({ question, moment }: Asked): boolean {
  const { explain, useId, without } = question;
  const isFresh = moment.freshness === 'fresh' && moment.early !== undefined;
  return isFresh && !explain && useId === '' && (without === undefined || without.size === 0);
}

/** Locks end by themselves at times of their own, and what errs is to be seen each time. */
function isSound({ errors, stops }: Settled): boolean {
  return errors.length === 0 && stops.length === 0;
}

function holds({ state, fromMs, earlyMs, untilMs }: Kept, asked: Asked): boolean {
  const lateMs = asked.moment.now.getTime();
  const current = stateOf(asked);
  return (
    state.generation === current.generation &&
    state.locks === current.locks &&
    state.grants === current.grants &&
    // a clock that was set back is not trusted with what was decided later
    lateMs >= fromMs &&
    (asked.moment.early?.getTime() ?? 0) >= earlyMs &&
    lateMs < untilMs
  );
}

function stateOf({ replica, question }: Asked): State {
  return {
    generation: replica.generation,
    locks: replica.locks.changes,
    grants: replica.grants.stampOf(question.principal),
  };
}

/**
 * When time alone could change the decision, Infinity when it could not: the next end or start of a grant about the question. Undefined
 * when that may be at any time: a policy reads the time, or a grant is begun or counted by its use.
 */
function changesAt({ replica, question, action, moment }: Asked): number | undefined {
  const nowMs = moment.now.getTime();
  if (mayReadNow(replica.engine.policies, kindOf(question, action))) return undefined;
  const grants = grantsAbout(replica, question).filter(({ expiresAt }) => expiresAt.getTime() > nowMs);
  let untilMs = Number.POSITIVE_INFINITY;
  for (const { state, usesLeft, startsAt, expiresAt } of grants) {
    const isWaiting = state === 'SCHEDULED' && startsAt.getTime() > nowMs;
    if (usesLeft !== undefined || (state !== 'ACTIVE' && !isWaiting)) return undefined;
    untilMs = Math.min(untilMs, (isWaiting ? startsAt : expiresAt).getTime());
  }
  return untilMs;
}

function kindOf({ principal, resource }: Question, action: ActionShape) {
  return {
    phase: 'access',
    action,
    principalType: principal.type,
    resourceType: resource.type,
  } as const;
}

/** Of the context only what policies read can change the decision. */
function keyOf({ replica, question, action }: Asked): string {
  if (question.context.size === 0) return keyOfQuestion(question);
  const reads = contextReadsAbout(replica.engine.policies, kindOf(question, action));
  return keyOfQuestion({ ...question, context: onlyRead(question.context, reads) });
}
