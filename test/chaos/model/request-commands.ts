import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { aboutRequest, Command, index, learn, missing, taken, wanted } from './command.ts';
import type { Model } from './model.ts';
import type { ModelRequest } from './records.ts';
import { KINDS, LEAD, REQUESTERS, REVIEWERS } from './terms.ts';
import type { World } from './world.ts';

const who = fc.constantFrom(...REQUESTERS);
/** Whoever asks, and sometimes somebody else. */
const PARTY = 'party';
/** Whoever voted first, or somebody who has not. */
const VOTER = 'voter';
const reviewer = fc.constantFrom(...REVIEWERS);
const isPending = (request: ModelRequest): boolean => request.state === 'PENDING';

/** What takes uses is asked for one at a time, so that it is known which one is used. */
const TAKING_USES = ['claim', 'counted'];

function isBusy(model: Model, kind: string, subject: string): boolean {
  return (
    model.grants.some((it) => it.kind === kind && it.subject === subject && it.state !== 'ENDED') ||
    model.requests.some((it) => it.kind === kind && it.subject === subject && isPending(it))
  );
}

export const ask = fc
  .record({
    subject: who,
    isByLead: fc.constantFrom(false, false, false, true),
    kind: fc.constantFrom(...KINDS, 'two', 'two', 'claim', 'claim', 'claim', 'plain', 'plain', 'auto'),
    actions: fc.constantFrom(['read'], ['read', 'write']),
    minutes: fc.constantFrom(30, 30, 30, 30, 60, 60, 240, 300),
    /** No pass of time ends at that minute. */
    startsIn: fc.constantFrom(undefined, undefined, 15, 55),
    repeat: fc.constantFrom('the wish', 'the key', 'both at once'),
  })
  .map(({ subject, isByLead, kind, actions, minutes, startsIn, repeat }) => {
    const isUsed = TAKING_USES.includes(kind);
    const by = isByLead && !isUsed ? LEAD : subject;
    const start = kind === 'plain' ? startsIn : undefined;
    const isFit = (model: Model): boolean => !isUsed || !isBusy(model, kind, subject);
    const name = `ask ${by} ${subject} ${kind} ${actions.join('+')} ${minutes}m ${start ?? ''} ${repeat}`;
    return new Command(name, isFit, async (model, share) => {
      const resource = share.databases.get(kind) ?? missing();
      const startsAt = start === undefined ? undefined : model.now + start;
      const asked = { by, subject, kind, resource, actions, minutes, startsAt };
      const reason = share.nextReason();
      const key = reason.replaceAll(' ', '-');
      const wish = {
        ...asked,
        isBreakGlass: kind === 'glass',
        reason,
        startsAt: start === undefined ? undefined : share.world.in(start),
      };
      const times = repeat === 'both at once' ? [1, 2, 3] : [1];
      const all = await Promise.all(times.map(async () => await taken(share.world.ask(wish, key))));
      for (const { isTaken, why } of all) deepStrictEqual(isTaken, model.mayAsk(asked), why);
      const [id] = all.flatMap(({ result }) => result ?? []);
      if (id === undefined) return false;
      // I9: one key, one request.
      for (const { result } of all) deepStrictEqual(result, id);
      const request = model.ask(id, asked);
      await learn(share, request);
      if (repeat === 'the key') deepStrictEqual(await share.world.ask(wish, key), id);
      if (repeat === 'the key') await refusesOther(share.world, wish, key);
      // I22: the very same again is what is there.
      if (repeat === 'the wish' && (isPending(request) || request.grant?.usesLeft !== 0))
        deepStrictEqual(await share.world.ask(wish), id);
      return true;
    });
  });

async function refusesOther(world: World, wish: Parameters<World['ask']>[0], key: string): Promise<void> {
  const { isTaken, why } = await taken(world.ask({ ...wish, reason: 'for another' }, key));
  deepStrictEqual([isTaken, why], [false, 'IDEMPOTENCY_KEY_REUSED']);
}

export const vote = fc
  .record({
    by: reviewer,
    which: index,
    actions: fc.constantFrom(undefined, ['read'], ['write'], ['read', 'write']),
    minutes: fc.constantFrom(undefined, 30),
    isDeny: fc.constantFrom(false, false, false, true),
  })
  .map(({ by, which, actions, minutes, isDeny }) => {
    const name = `${isDeny ? 'deny' : 'approve'} ${by} ${actions?.join('+') ?? ''} ${minutes ?? ''}`;
    const isLikely = (it: ModelRequest, model: Model): boolean =>
      isPending(it) && !it.votes.some((cast) => cast.by === by) && model.mayReview(by, it);
    return aboutRequest({
      name,
      which,
      isLikely,
      does: async (model, share, request) => {
        const narrowed = actions?.filter((action) => request.actions.includes(action)) ?? [];
        const isWhole = isDeny || request.dueAt !== undefined;
        const own = {
          by,
          actions: isWhole || narrowed.length === 0 ? undefined : narrowed,
          minutes: isWhole || minutes === undefined || minutes > request.minutes ? undefined : minutes,
        };
        const verdict = isDeny ? 'DENY' : 'APPROVE';
        const is =
          request.dueAt === undefined ? mayVote(model, request, own, isDeny) : mayLook(model, request, by);
        await wanted(is, share.world.vote(by, request.id, { ...own, verdict }));
        if (!is) return false;
        if (request.dueAt !== undefined) looked(model, request, isDeny);
        else if (isDeny) request.state = 'DENIED';
        else model.vote(request, own);
        await learn(share, request);
        return true;
      },
    });
  });

function mayVote(
  model: Model,
  request: ModelRequest,
  vote: ModelRequest['votes'][number],
  isDeny: boolean,
): boolean {
  const isOpen = isPending(request) && !request.votes.some((it) => it.by === vote.by);
  if (!isOpen || !model.mayReview(vote.by, request)) return false;
  if (isDeny) return true;
  const { by: requester, subject, resource, extends: grant } = request;
  // A grant lasts longer with all that it permits.
  if (grant !== undefined && vote.actions !== undefined && vote.actions.length < request.actions.length)
    return false;
  if (model.locks.bars({ requester, subject, resource, grant }, model.now)) return false;
  return model.comesTo(request, [...model.counted(request), vote]).actions.length > 0;
}

/** Whether the person may look at break-glass afterwards. */
function mayLook(model: Model, request: ModelRequest, by: string): boolean {
  return model.mayFill(by, 'security', request);
}

function looked(model: Model, request: ModelRequest, isDeny: boolean): void {
  request.dueAt = undefined;
  const { grant } = request;
  if (isDeny && grant !== undefined && grant.state !== 'ENDED') model.end(grant, 'REVOKED');
}

export const takeBack = fc
  .record({ as: fc.constantFrom(VOTER, 'bob', 'dee'), which: index })
  .map(({ as, which }) =>
    aboutRequest({
      name: `take-back ${as}`,
      which,
      isLikely: (it) => isPending(it) && it.votes.length > 0,
      does: async (model, share, request) => {
        const by = as === VOTER ? (request.votes[0]?.by ?? 'cy') : as;
        const isTheirs = request.votes.some((it) => it.by === by);
        const is = isPending(request) && isTheirs && !model.locks.isLocked(by, model.now);
        await wanted(is, share.world.takeBack(by, request.id));
        if (is) request.votes = request.votes.filter((it) => it.by !== by);
        return is;
      },
    }),
  );

export const withdraw = fc
  .record({ as: fc.constantFrom(PARTY, 'ada', 'bob'), which: index })
  .map(({ as, which }) =>
    aboutRequest({
      name: `withdraw ${as}`,
      which,
      isLikely: isPending,
      does: async (model, share, request) => {
        const by = as === PARTY ? request.by : as;
        const isTheirs = request.by === by || request.subject === by;
        const is = isPending(request) && isTheirs && !model.locks.isLocked(by, model.now);
        await wanted(is, share.world.withdraw(by, request.id));
        if (is) request.state = 'WITHDRAWN';
        return is;
      },
    }),
  );
