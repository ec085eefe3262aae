import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { askRefusal } from './ask-refusal.ts';
import { aboutRequest, Command, index, missing, type Share, tried, wanted } from './command.ts';
import { ask as asked } from './granting.ts';
import type { Model } from './model.ts';
import type { ModelRequest, ModelWish } from './records.ts';
import { ask as askFor, type Wish, withdraw as withdrawn } from './request-calls.ts';
import { isPending, withdrawRefusal } from './review-refusal.ts';
import { KINDS, LEAD, REQUESTERS } from './terms.ts';

const who = fc.constantFrom(...REQUESTERS);
/** Whoever asks, and sometimes somebody else. */
const PARTY = 'party';

/** What takes uses is asked for one at a time, so that it is known which one is used. */
const TAKING_USES = ['claim', 'counted', 'idle'];

function isBusy(model: Model, kind: string, subject: string): boolean {
  return (
    model.grants.some((it) => it.kind === kind && it.subject === subject && it.state !== 'ENDED') ||
    model.items().some((it) => it.kind === kind && it.request.subject === subject && it.state === 'PENDING')
  );
}

const kind = fc.constantFrom(
  ...KINDS,
  'two',
  'two',
  'claim',
  'claim',
  'claim',
  'idle',
  'counted',
  'counted',
  'plain',
  'plain',
  'auto',
);

export const ask = fc
  .record({
    subject: who,
    isByLead: fc.constantFrom(false, false, false, true),
    first: kind,
    /** For which it is asked as well. */
    second: fc.option(kind, { freq: 1 }),
    actions: fc.constantFrom(['read'], ['read', 'write']),
    minutes: fc.constantFrom(30, 30, 30, 30, 60, 60, 240, 300),
    /** No pass of time ends at that minute. */
    startsIn: fc.constantFrom(undefined, undefined, undefined, undefined, 15, 55),
    repeat: fc.constantFrom('the wish', 'the key', 'both at once'),
  })
  .map(({ subject, isByLead, first, second, actions, startsIn, repeat, ...rest }) => {
    const kinds = [...new Set([first, second ?? first])];
    // Long enough to lie unused.
    const minutes = kinds.join() === 'idle' ? 240 : rest.minutes;
    const used = kinds.filter((it) => TAKING_USES.includes(it));
    const requester = isByLead && used.length === 0 ? LEAD : subject;
    const isFit = (model: Model): boolean => !used.some((it) => isBusy(model, it, subject));
    const what = `${kinds.join('+')} ${actions.join('+')} ${minutes}m ${startsIn ?? ''}`;
    return new Command(`ask ${requester} ${subject} ${what} ${repeat}`, isFit, async (model, share) => {
      const items = kinds.map((it) => ({
        kind: it,
        resource: share.databases.get(it) ?? missing(),
        actions,
      }));
      const startsAt = startsIn === undefined ? undefined : model.now + startsIn;
      const isBreakGlass = kinds.includes('glass');
      const wish = { requester, subject, minutes, startsAt, isBreakGlass, items, extends: undefined };
      const reason = share.nextReason();
      const start = startsIn === undefined ? undefined : share.world.in(startsIn);
      return await askAgain(model, share, wish, { ...wish, reason, startsAt: start }, repeat);
    });
  });

async function askAgain(
  model: Model,
  share: Share,
  wish: ModelWish,
  real: Wish,
  repeat: string,
): Promise<boolean> {
  const { context } = share.world;
  const key = real.reason.replaceAll(' ', '-');
  const times = repeat === 'both at once' ? [1, 2, 3] : [1];
  const all = await Promise.all(times.map(async () => await tried(askFor(context, real, key))));
  for (const { reason } of all) deepStrictEqual(reason, askRefusal(model, wish));
  const [id] = all.flatMap(({ result }) => result ?? []);
  if (id === undefined) return false;
  // I9: one key, one request.
  for (const { result } of all) deepStrictEqual(result, id);
  const request = asked(model, id, wish);
  if (repeat === 'the key') {
    deepStrictEqual(await askFor(context, real, key), id);
    await wanted('IDEMPOTENCY_KEY_REUSED', askFor(context, { ...real, reason: 'for another' }, key));
  }
  // I22: the very same again is what is there, but for what is to start later, which one may want besides.
  if (repeat === 'the wish' && (isPending(request) || wish.startsAt === undefined))
    deepStrictEqual(await askFor(context, real), id);
  return true;
}

export const withdraw = fc
  .record({ as: fc.constantFrom(PARTY, PARTY, 'ada', 'bob'), which: index })
  .map(({ as, which }) =>
    aboutRequest({
      name: `withdraw ${as}`,
      which,
      isLikely: isPending,
      does: async (model, share, request) => {
        const by = as === PARTY ? request.requester : as;
        const reason = withdrawRefusal(model, request, by);
        if (!(await wanted(reason, withdrawn(share.world.context, by, request.id)))) return false;
        withdrawPending(request);
        return true;
      },
    }),
  );

export function withdrawPending({ items }: ModelRequest): void {
  for (const item of items) if (item.state === 'PENDING') item.state = 'WITHDRAWN';
}
