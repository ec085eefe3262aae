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
  narrowingRefusal,
  takeBackRefusal,
  votedItems,
} from './review-refusal.ts';
import { REVIEWERS } from './terms.ts';

/** Whoever voted first, or somebody who has not. */
const VOTER = 'voter';
const reviewer = fc.constantFrom(...REVIEWERS);
/** Which items a vote is on. */
const named = fc.constantFrom<readonly number[]>([], [], [], [0], [1], [0, 1]);

/** Whether somebody's vote on it would be news. */
function mayVote(model: Model, request: ModelRequest, by: string): boolean {
  return 'items' in answeredBy(model, request, { by, isDeny: false, named: [], narrowing: WHOLE });
}

const WHOLE = { actions: undefined, minutes: undefined };

export const vote = fc
  .record({
    by: reviewer,
    which: index,
    on: named,
    actions: fc.constantFrom(undefined, undefined, ['read'], ['write'], ['read', 'write']),
    minutes: fc.constantFrom(undefined, 30),
    isDeny: fc.constantFrom(false, false, false, true),
    isAsIs: fc.constantFrom(true, false, false, false),
  })
  .map(({ by, which, on, actions, minutes, isDeny, isAsIs }) => {
    const what = [by, on.join('+'), actions?.join('+') ?? '', minutes ?? '', isAsIs ? 'as it is' : ''];
    return aboutRequest({
      name: `${isDeny ? 'deny' : 'approve'} ${what.join(' ')}`,
      which,
      isLikely: (it, model) => mayVote(model, it, by),
      does: async (model, share, request) => {
        const isWhole = isAsIs || isDeny || isAfterwards(request);
        const narrowing = isWhole ? WHOLE : { actions, minutes };
        const casting = { by, isDeny, named: on, narrowing };
        const answered = answeredBy(model, request, casting);
        const items = 'items' in answered ? answered.items : [];
        const reason = 'reason' in answered ? answered.reason : narrowingRefusal(model, items, casting);
        const cast = {
          by,
          requestId: request.id,
          verdict: isDeny ? 'DENY' : 'APPROVE',
          named: on,
          narrowing: isWhole ? [] : items.map(({ item }) => ({ item, actions, minutes })),
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
  { by, isDeny, narrowing }: Casting,
): void {
  if (isAfterwards(request)) {
    for (const item of items) look(model, item, isDeny);
    return;
  }
  request.voters.add(by);
  for (const item of items) {
    if (isDeny) {
      item.state = 'DENIED';
      item.denier = by;
    } else agree(model, item, { by, ...narrowing });
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
