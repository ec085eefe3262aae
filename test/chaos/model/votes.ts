import type { Model } from './model.ts';
import type { ModelApproval, ModelItem, ModelVote, Parties } from './records.ts';
import { type Step, termsOf } from './terms.ts';

/** Every step that the person may fill there. */
export function stepsOf(model: Model, by: string, of: Parties & Place): readonly Step[] {
  return model.locks.isLocked(by, model.now) ? [] : stepsUnlocked(model, by, of);
}

interface Place {
  readonly resource: string;
}

/** The same if nobody were locked. */
export function stepsUnlocked(
  model: Model,
  by: string,
  { requester, subject, resource }: Parties & Place,
): readonly Step[] {
  const { people, members, owners } = model.directory;
  // Whose a database was that is gone, policies cannot say any more.
  if (by === requester || by === subject || !people.has(by) || !owners.has(resource)) return [];
  const isOwner = owners.get(resource)?.includes(by) === true;
  return [
    ...(isOwner ? (['owner'] as const) : []),
    ...(members.security.has(by) ? (['security'] as const) : []),
  ];
}

/** The steps of the item that the person's vote would count for. */
export function fillable(model: Model, by: string, item: ModelItem): readonly Step[] {
  const { filled, standsIn } = approvalOf(model, by, item);
  return standsIn ? item.steps : filled;
}

/** What the person's vote is for now. */
export function approvalOf(model: Model, by: string, item: ModelItem): ModelApproval {
  const { requester, subject, createdAt } = item.request;
  const steps = stepsOf(model, by, { requester, subject, resource: item.resource });
  const { escalatesAfter = Infinity } = termsOf(item);
  const standsIn = steps.includes('security') && model.now >= createdAt + escalatesAfter;
  return { by, filled: item.steps.filter((step) => steps.includes(step)), standsIn };
}

/** Whether these people, of whom it is said what each may fill, fill all seats, one each. */
export function canSeat(steps: readonly Step[], people: readonly (readonly Step[])[]): boolean {
  const [step, ...others] = steps;
  if (step === undefined) return true;
  return people.some((fills, index) => fills.includes(step) && canSeat(others, people.toSpliced(index, 1)));
}

/** The votes of whoever may still fill a step. */
export function counted(model: Model, item: ModelItem): readonly ModelVote[] {
  return item.votes.filter(({ by }) => fillable(model, by, item).length > 0);
}

export function isFull(model: Model, item: ModelItem): boolean {
  return canSeat(
    item.steps,
    item.votes.map(({ by }) => fillable(model, by, item)),
  );
}

/** What an item comes to. */
export interface Outcome {
  readonly actions: readonly string[];
  readonly startsAt: number;
  /** Not above zero when the votes leave no time. */
  readonly minutes: number;
}

/** What the votes leave when they are counted now. */
export function comesTo(model: Model, { request, ...item }: ModelItem, votes: readonly ModelVote[]): Outcome {
  const actions = item.actions.filter((action) =>
    votes.every((vote) => vote.actions?.includes(action) ?? true),
  );
  const minutes = Math.min(request.minutes, ...votes.map((vote) => vote.minutes ?? request.minutes));
  const startsAt = Math.max(model.now, request.startsAt ?? 0, ...votes.map((vote) => vote.startsAt ?? 0));
  // A start that is asked for fixes the end as well.
  const mostEnd = request.startsAt === undefined ? Infinity : request.startsAt + request.minutes;
  return { actions: actions.toSorted(), startsAt, minutes: Math.min(minutes, mostEnd - startsAt) };
}

export function isNothing({ actions, minutes }: Outcome): boolean {
  return actions.length === 0 || minutes <= 0;
}
