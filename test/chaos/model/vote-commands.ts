import fc from 'fast-check';
import { aboutRequest, index, wanted } from './command.ts';
import { agree } from './granting.ts';
import type { Model } from './model.ts';
import type { ModelItem, ModelRequest } from './records.ts';
import { takeBack as takenBack, vote as voted } from './request-calls.ts';
import {
  answeredBy,
  type Casting,
  isAfterwards,
  isPending,
  mayStart,
  type Narrowed,
  narrowingRefusal,
  takeBackRefusal,
  votedItems,
  WHOLE,
} from './review-refusal.ts';
import { ADMIN, REVIEWERS } from './terms.ts';

/** Whoever voted first, or somebody who has not. */
const VOTER = 'voter';
/** Whoever of the reviewers may, the last of them first. */
const FIT = 'whoever may';
const VOTERS = [ADMIN, ...REVIEWERS];
const reviewer = fc.constantFrom(FIT, FIT, FIT, FIT, ...VOTERS, 'eve');
/** Which items a vote is on. */
const named = fc.constantFrom<readonly number[]>([], [], [], [0], [1], [0, 1]);

function voterOf(model: Model, request: ModelRequest, as: string): string {
  return as === FIT ? (VOTERS.findLast((by) => mayVote(model, request, by)) ?? 'cy') : as;
}

/** Whether somebody's vote on it would be news. */
function mayVote(model: Model, request: ModelRequest, by: string): boolean {
  return 'items' in answeredBy(model, request, { by, isDeny: false, named: [], narrowing: () => WHOLE });
}

/** What a vote narrows to, as far as the item lets it; whatever it is for a vote that asks for too much. */
const narrowing = fc.record({
  actions: fc.constantFrom(undefined, undefined, ['read'], ['write'], ['read', 'write']),
  minutes: fc.constantFrom(undefined, 30),
  /** No pass of time ends at that minute. */
  startsIn: fc.constantFrom(undefined, undefined, undefined, 25, 45),
  isFit: fc.constantFrom(true, true, true, true, false),
});
type Narrowing = typeof narrowing extends fc.Arbitrary<infer T> ? T : never;

function narrowed(model: Model, item: ModelItem, { isFit, ...to }: Narrowing): Narrowed {
  const { request } = item;
  const startsAt = to.startsIn === undefined ? undefined : model.now + to.startsIn;
  if (!isFit) return { ...to, startsAt };
  const actions = to.actions?.filter((action) => item.actions.includes(action)) ?? [];
  return {
    actions: actions.length === 0 ? undefined : actions,
    minutes: to.minutes,
    startsAt: startsAt !== undefined && mayStart(request, item, startsAt) ? startsAt : undefined,
  };
}

export const vote = fc
  .record({
    as: reviewer,
    which: index,
    on: named,
    isDeny: fc.constantFrom(false, false, false, true),
    to: fc.option(narrowing, { freq: 2, nil: undefined }),
  })
  .map(({ as, which, on, isDeny, to }) => {
    const what = `${isDeny ? 'deny' : 'approve'} ${as} ${on.join('+')}`;
    return aboutRequest({
      name: to === undefined ? what : `${what} ${Object.values(to).join(' ')}`,
      which,
      isLikely: (it, model) => mayVote(model, it, voterOf(model, it, as)),
      does: async (model, share, request) => {
        const by = voterOf(model, request, as);
        const isWhole = to === undefined || (to.isFit && (isDeny || isAfterwards(request, on)));
        const narrowing = (item: ModelItem): Narrowed => (isWhole ? WHOLE : narrowed(model, item, to));
        const casting = { by, isDeny, named: on, narrowing };
        const answered = answeredBy(model, request, casting);
        const items = 'items' in answered ? answered.items : [];
        const reason = 'reason' in answered ? answered.reason : narrowingRefusal(model, items, casting);
        const narrowings = items.map((item) => {
          const { startsAt, ...rest } = narrowing(item);
          const start = startsAt === undefined ? undefined : share.world.in(startsAt - model.now);
          return { item: item.item, ...rest, startsAt: start };
        });
        const cast = {
          by,
          requestId: request.id,
          verdict: isDeny ? 'DENY' : 'APPROVE',
          named: on,
          narrowing: isWhole ? [] : narrowings,
        } as const;
        if (!(await wanted(reason, voted(share.world.context, cast)))) return false;
        count(model, request, items, casting);
        return true;
      },
    });
  });

function count(
  model: Model,
  request: ModelRequest,
  items: readonly ModelItem[],
  { by, isDeny, named, narrowing }: Casting,
): void {
  if (isAfterwards(request, named)) {
    for (const item of items) look(model, item, isDeny);
    return;
  }
  request.voters.add(by);
  for (const item of items) {
    if (isDeny) {
      item.state = 'DENIED';
      item.denier = by;
    } else agree(model, item, { by, ...narrowing(item) });
  }
}

/** What somebody found who looked at break-glass. */
function look(model: Model, item: ModelItem, isDeny: boolean): void {
  item.dueAt = undefined;
  const { grant } = item;
  if (isDeny && grant !== undefined && grant.state !== 'ENDED') model.end(grant, 'REVOKED');
}

export const takeBack = fc
  .record({ as: fc.constantFrom(VOTER, VOTER, 'bob', 'dee'), which: index, on: named })
  .map(({ as, which, on }) =>
    aboutRequest({
      name: `take-back ${as} ${on.join('+')}`,
      which,
      isLikely: (it) => isPending(it) && it.items.some(({ votes }) => votes.length > 0),
      does: async (model, share, request) => {
        const [voter = 'cy'] = request.items.flatMap(({ votes }) => votes.map(({ by }) => by));
        const by = as === VOTER ? voter : as;
        const reason = takeBackRefusal(model, request, { by, named: on });
        const taking = takenBack(share.world.context, by, { requestId: request.id, named: on });
        if (!(await wanted(reason, taking))) return false;
        const items = votedItems(request, by).filter(({ item }) => on.length === 0 || on.includes(item));
        for (const item of items) item.votes = item.votes.filter((it) => it.by !== by);
        return true;
      },
    }),
  );

/** Takes all votes of somebody back who is out. @returns the ids of the requests */
export function takeVotesBack(model: Model, who: string): readonly string[] {
  const voted = model.requests.filter((request) => votedItems(request, who).length > 0);
  for (const item of voted.flatMap((request) => votedItems(request, who)))
    item.votes = item.votes.filter(({ by }) => by !== who);
  return voted.map(({ id }) => id).toSorted();
}
