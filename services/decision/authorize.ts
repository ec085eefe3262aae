import type { EntityUid } from '../../core/access/entity.ts';
import { adviceOf, type PolicySet } from '../../core/policy/policy-set.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { FollowedState } from './followed-state.ts';
import { accessOptions } from './access-options.ts';
import { type Answer, answerOf } from './answer.ts';
import { awaitRevision, checkRevision } from './await-revision.ts';
import { actionNamed, checkAgainstSchema } from './check.ts';
import { nextStart } from './covering-grants.ts';
import { type Decision, decide } from './decide.ts';
import { kindOf } from './kind.ts';
import { mayBeKept } from './may-be-kept.ts';
import type { Asked, Memo, Settled } from './memo.ts';
import { type Moment, momentOf } from './moment.ts';
import type { ObserveDecision } from './observe-decisions.ts';
import type { PolicyAlarm } from './policy-alarm.ts';
import type { Question } from './question.ts';
import { mayReadNow } from '../../core/policy/reads-about.ts';
import { REFUSED_USES } from './limits.ts';
import type { Rights } from './rights.ts';
import { adviceOfStops } from './stops.ts';
import { takeUse } from './take-use.ts';
import { type Asking, notAcknowledged, type Uses } from './uses.ts';

/** What every use case of the decision service works with. */
export interface DecisionContext {
  readonly followed: FollowedState;
  readonly rights: Rights;
  /** Hears of policies that err. */
  readonly alarm: PolicyAlarm;
  readonly observe: ObserveDecision;
  /** Tells the grant service of uses. */
  readonly uses: Uses;
  /** How long standing permits go on past the staleness bound; 0 = never. */
  readonly staleStandingMs: number;
  readonly memo: Memo;
}

/**
 * Answers one question, at its `atLeastRevision` or later.
 * @throws AccessError for lack of an answer: bad input, rights, staleness, no policies
 */
export async function authorize(
  context: DecisionContext,
  asking: Asking,
  question: Question,
): Promise<Answer> {
  const { followed, staleStandingMs } = context;
  checkRevision(followed, question.atLeastRevision, `${question.prefix}at_least_revision`);
  await awaitRevision(followed, question.atLeastRevision);
  const without = new Set<string>();
  const counted: string[] = [];
  for (;;) {
    // The instant is taken after all waiting: it must not be older than the state that it is used with.
    const moment = momentOf(followed.clock, staleStandingMs);
    const asked = { ...question, without, counted };
    const answer = answerAt(context, moment, asking.caller, asked);
    const grantId = answer.settled.grant?.id;
    const permitting = await takeUse(context, asking, asked, answer);
    if (permitting === grantId) return answer;
    if (grantId === undefined || without.size + counted.length === REFUSED_USES) throw notAcknowledged();
    if (permitting === undefined) without.add(grantId);
    else counted.push(permitting);
  }
}

/** Answers one question from the replica as it is, at the moment given, without giving way. @throws AccessError */
export function answerAt(
  context: DecisionContext,
  moment: Moment,
  caller: EntityUid,
  question: Question,
): Answer {
  return context.observe(() => answerUnobserved(context, moment, caller, question));
}

function answerUnobserved(
  { followed, rights, alarm, memo }: DecisionContext,
  moment: Moment,
  caller: EntityUid,
  question: Question,
): Answer {
  const { replica } = followed;
  const { schema } = replica.engine.policies;
  // First: a caller without rights learns nothing of the schema.
  const mayGoOnAsking = rights.require('authorize', caller, question.principal, moment.now);
  if (question.explain) rights.require('explain', caller, question.principal, moment.now);
  const named = actionNamed(schema, question);
  const unchecked = named === undefined ? undefined : { replica, question, action: named, moment };
  const before = unchecked === undefined ? undefined : memo.recallUnchecked(unchecked);
  if (before !== undefined)
    return answerOf({ settled: before, kept: before, replica, moment, mayGoOnAsking });
  const action = checkAgainstSchema(schema, question);
  const asked = unchecked ?? { replica, question, action, moment };
  const kept = memo.recall(asked);
  const settled = kept ?? settle(asked, alarm);
  if (kept === undefined) memo.keep(asked, settled);
  const answer = answerOf({ settled, kept, replica, moment, mayGoOnAsking });
  if (settled.effect === 'ALLOW' || !question.explain || !isOpen(settled)) return answer;
  return { ...answer, accessOptions: accessOptions(replica, action, question, moment.now) };
}

function settle({ replica, question, action, moment }: Asked, alarm: PolicyAlarm): Settled {
  const { policies } = replica.engine;
  const decision = decide(replica, action, question, moment);
  alarm(policies.digest, decision.errors);
  return {
    ...decision,
    advice: adviceOn(policies, question, decision),
    validUntil: validUntil(replica, action, question, { ...decision, moment }),
    mayBeKept: mayBeKept(replica, action, question, { ...decision, moment }),
  };
}

const NO_ADVICE: readonly string[] = [];

function adviceOn(
  policies: PolicySet,
  { explain }: Question,
  { effect, stops, policyIds }: Decision,
): readonly string[] {
  if (effect === 'ALLOW') return NO_ADVICE;
  return [...adviceOfStops(stops, explain), ...adviceOf(policies, policyIds)];
}

/** Whether another grant would help: no lock stops more than a grant. */
function isOpen({ stops }: Pick<Decision, 'stops'>): boolean {
  return stops.every(({ lock }) => lock.target.kind === 'grant');
}

/**
 * A deny outlasts the end of any grant, and no lapse ends a standing permit: time alone changes only what a grant permits, at its end,
 * what one will permit that is scheduled, what a lock stops, at its end, and what policies make of `context.now`, at any time. What a grant
 * permits whose uses count, or that ends unused, is asked again each time.
 */
function validUntil(
  replica: Replica,
  action: ActionShape,
  question: Question,
  { effect, grant, stops, reopensAt, moment }: Decision & { readonly moment: Moment },
): Date | undefined {
  if (!isOpen({ stops })) return noEarlierThan(reopensAt, moment.now);
  if (mayReadNow(replica.engine.policies, kindOf(question, action))) return undefined;
  if (effect === 'DENY')
    return earlier(nextStart(replica, question, moment), noEarlierThan(reopensAt, moment.now));
  return grant?.noting === undefined ? grant?.expiresAt : undefined;
}

/** A lock holds by the earliest that it may be, and is answered about by the latest. */
function noEarlierThan(at: Date | undefined, now: Date): Date | undefined {
  return at !== undefined && at < now ? now : at;
}

function earlier(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
