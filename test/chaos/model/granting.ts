import type { Model } from './model.ts';
import type { ModelGrant, ModelItem, ModelRequest, ModelVote, ModelWish } from './records.ts';
import { IDLE_GRACE, PENDING_MINUTES, type Step, termsOf } from './terms.ts';
import { approvalOf, comesTo, counted, isFull, isNothing, type Outcome } from './votes.ts';

/** Who has to agree to it. */
export function stepsAsked(
  model: Model,
  { kind, subject }: { readonly kind: string; readonly subject: string },
): readonly Step[] {
  const { steps, reviewWithin } = termsOf({ kind });
  const isOverdue = model
    .items()
    .some((item) => item.request.subject === subject && item.dueAt !== undefined && item.dueAt <= model.now);
  return reviewWithin !== undefined && isOverdue ? ['security'] : steps;
}

/** The request as it begins; what nobody need approve is granted. */
export function ask(model: Model, id: string, wish: ModelWish): ModelRequest {
  const items: ModelItem[] = [];
  const lapsesAt = Math.min(model.now + PENDING_MINUTES, (wish.startsAt ?? Infinity) + wish.minutes);
  const request: ModelRequest = {
    ...wish,
    id,
    createdAt: model.now,
    lapsesAt,
    items,
    voters: new Set(),
  };
  for (const [index, wished] of wish.items.entries()) {
    const steps = stepsAsked(model, { ...wished, subject: wish.subject });
    items.push({
      ...wished,
      request,
      item: index,
      steps,
      state: 'PENDING',
      votes: [],
      denier: undefined,
      grant: undefined,
      dueAt: undefined,
    });
  }
  model.requests.push(request);
  for (const item of items) if (item.steps.length === 0) approve(model, item);
  return request;
}

/** Counts an approval that was cast. */
export function agree(model: Model, item: ModelItem, vote: ModelVote): void {
  item.votes.push(vote);
  if (isFull(model, item)) approve(model, item);
}

/** Grants what everybody has agreed to without a vote; what would come to nothing waits. */
export function settle(model: Model): readonly ModelItem[] {
  const agreed = model.items().filter((item) => {
    if (item.state !== 'PENDING' || item.steps.length === 0 || !isFull(model, item)) return false;
    const { requester, subject, extends: grant } = item.request;
    const { resource } = item;
    if (model.locks.bars({ requester, subject, resource, grant }, model.now)) return false;
    return (
      model.isLetIn({ requester, subject, resource }) &&
      !isNothing(comesTo(model, item, counted(model, item)))
    );
  });
  for (const item of agreed) approve(model, item);
  return agreed;
}

function approve(model: Model, item: ModelItem): void {
  const { requester, subject, extends: extended } = item.request;
  const outcome = comesTo(model, item, counted(model, item));
  if (!model.isLetIn({ requester, subject, resource: item.resource }) || isNothing(outcome))
    item.state = 'DENIED';
  else if (extended !== undefined) extend(item, extended, outcome);
  else grant(model, item, outcome);
}

function grant(model: Model, item: ModelItem, { actions, startsAt, minutes }: Outcome): void {
  const { claim, uses, idle = Infinity, reviewWithin } = termsOf(item);
  const { requester, subject } = item.request;
  const { kind, resource, steps } = item;
  const later = startsAt > model.now ? 'SCHEDULED' : 'ACTIVE';
  item.state = 'APPROVED';
  if (reviewWithin !== undefined) item.dueAt = model.now + reviewWithin;
  item.grant = {
    id: '',
    requester,
    subject,
    kind,
    resource,
    actions,
    steps,
    approvals: counted(model, item).map(({ by }) => approvalOf(model, by, item)),
    approvers: [],
    state: claim === undefined ? later : 'CLAIMABLE',
    endReason: undefined,
    minutes,
    startsAt,
    endsAt: startsAt + (claim ?? minutes),
    idleAt: startsAt + idle + IDLE_GRACE,
    usesLeft: uses,
    usedIds: new Set(),
    extensions: 0,
  };
  model.grants.push(item.grant);
}

function extend(item: ModelItem, extended: ModelGrant, { minutes }: Outcome): void {
  const { max, extensions } = termsOf(extended);
  const isTooLong = extended.minutes + minutes > max * (2 + extended.extensions);
  if (extended.state !== 'ACTIVE' || isTooLong || extended.extensions >= extensions) {
    item.state = 'DENIED';
    return;
  }
  item.state = 'APPROVED';
  item.grant = extended;
  extended.extensions += 1;
  extended.minutes += minutes;
  extended.endsAt += minutes;
}
