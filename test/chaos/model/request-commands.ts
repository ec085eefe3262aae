import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { aboutRequest, Command, learn, missing, taken, wanted } from './command.ts';
import { KINDS, type Model, REQUESTERS, REVIEWERS } from './model.ts';

const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
const who = fc.constantFrom(...REQUESTERS);
const reviewer = fc.constantFrom(...REVIEWERS);
const some = fc.constantFrom(undefined, ['read'], ['write'], ['read', 'write']);

export const ask = fc
  .record({
    by: who,
    kind: fc.constantFrom(...KINDS, 'two', 'two', 'claim', 'plain'),
    actions: fc.constantFrom(['read'], ['read', 'write']),
    minutes: fc.constantFrom(30, 30, 60, 60, 120, 240, 300),
  })
  .map(({ by, kind, actions, minutes }) => {
    const isBusy = (model: Model): boolean =>
      model.grants.some((it) => it.kind === kind && it.subject === by && it.state !== 'ENDED') ||
      model.requests.some((it) => it.kind === kind && it.by === by && it.state === 'PENDING');
    // Of what takes uses one at a time, so that it is known which one is used.
    const isFit = (model: Model): boolean => !['claim', 'counted'].includes(kind) || !isBusy(model);
    return new Command(`ask ${by} ${kind} ${actions.join('+')} ${minutes}m`, isFit, async (model, share) => {
      const resource = share.databases.get(kind) ?? missing();
      const wish = { by, resource, actions, minutes, reason: share.nextReason() };
      const canBeAnswered =
        model.members.security.size >= model.termsOf({ kind }).steps.filter((it) => it === 'security').length;
      const isIn = model.members.staff.has(by) && minutes <= model.termsOf({ kind }).max && canBeAnswered;
      const { isTaken, result, why } = await taken(share.world.ask(wish));
      deepStrictEqual(isTaken, isIn, why);
      if (result === undefined) return false;
      const request = model.ask({ id: result, by, kind, resource, actions, minutes });
      await learn(share, request);
      // I22: the very same again is what is there.
      const again = await share.world.ask(wish);
      const isHeld = request.grant !== undefined && request.grant.usesLeft !== 0;
      if (request.state === 'PENDING' || isHeld) deepStrictEqual(again, result);
      return true;
    });
  });

export const vote = fc
  .record({
    by: reviewer,
    which: index,
    actions: some,
    minutes: fc.constantFrom(undefined, 30),
    isDeny: fc.constantFrom(false, false, false, true),
  })
  .map(({ by, which, actions, minutes, isDeny }) =>
    aboutRequest(
      `${isDeny ? 'deny' : 'approve'} ${by} ${actions?.join('+') ?? ''}`,
      which,
      async (model, share, request) => {
        const narrowed = actions?.filter((action) => request.actions.includes(action)) ?? [];
        const own = {
          by,
          actions: isDeny || narrowed.length === 0 ? undefined : narrowed,
          minutes: isDeny || minutes === undefined || minutes > request.minutes ? undefined : minutes,
        };
        const isOpen =
          request.state === 'PENDING' &&
          !request.votes.some((it) => it.by === by) &&
          model.mayReview(by, request);
        const leaves = model.comesTo(request, [...model.counted(request), own]).actions.length > 0;
        const is = isOpen && (isDeny || leaves);
        const verdict = isDeny ? 'DENY' : 'APPROVE';
        await wanted(is, share.world.vote(by, request.id, { ...own, verdict }));
        if (!is) return false;
        if (isDeny) request.state = 'DENIED';
        else model.vote(request, own);
        await learn(share, request);
        return true;
      },
    ),
  );

export const takeBack = fc.record({ by: reviewer, which: index }).map(({ by, which }) =>
  aboutRequest(`take-back ${by}`, which, async (_, share, request) => {
    const is = request.state === 'PENDING' && request.votes.some((it) => it.by === by);
    await wanted(is, share.world.takeBack(by, request.id));
    if (is) request.votes = request.votes.filter((it) => it.by !== by);
    return is;
  }),
);

export const withdraw = fc.record({ by: who, which: index }).map(({ by, which }) =>
  aboutRequest(`withdraw ${by}`, which, async (_, share, request) => {
    const is = request.state === 'PENDING' && request.by === by;
    await wanted(is, share.world.withdraw(by, request.id));
    if (is) request.state = 'WITHDRAWN';
    return is;
  }),
);
