import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { mayKeep } from './ask-refusal.ts';
import { Command, index, missing, type Share, tried } from './command.ts';
import { lockRefusal } from './grant-refusal.ts';
import { isStanding } from './locks.ts';
import type { Model } from './model.ts';
import type { ModelGrant } from './records.ts';
import { withdrawPending } from './request-commands.ts';
import { offboard as takenOut, revokeMany as revoked, type Selector } from './taking-out-calls.ts';
import { HOME, KINDS, REQUESTERS } from './terms.ts';
import { takeVotesBack } from './vote-commands.ts';

const KEEPERS = ['dee', 'dee', 'dee', 'sam', 'sam', 'bob', 'ada'] as const;

type By = Selector['by'];

function selectorOf(share: Share, by: By, which: number): Selector {
  const kind = KINDS[which] ?? missing();
  switch (by) {
    case 'all':
      return { by };
    case 'subject':
      return { by, id: REQUESTERS[which % REQUESTERS.length] ?? missing() };
    case 'resource':
      return { by, id: share.databases.get(kind) ?? missing() };
    case 'workflow':
      return { by, id: kind };
  }
}

function isSelected(selector: Selector, { subject, resource, kind }: ModelGrant): boolean {
  return selector.by === 'all' || { subject, resource, workflow: kind }[selector.by] === selector.id;
}

export const revokeMany = fc
  .record({
    caller: fc.constantFrom(...KEEPERS),
    by: fc.constantFrom<By>('subject', 'resource', 'workflow', 'all'),
    which: index,
  })
  .map(
    ({ caller, by, which }) =>
      new Command(
        `revoke-many ${caller} ${by} #${which}`,
        (model) => model.grants.length > 0,
        async (model, share) => {
          const selector = selectorOf(share, by, which);
          const { reason, result } = await tried(revoked(share.world.context, caller, selector));
          deepStrictEqual(reason, model.locks.isLocked(caller, model.now) ? 'LOCKED' : undefined);
          if (result === undefined) return false;
          const live = model.grants.filter((it) => it.state !== 'ENDED' && isSelected(selector, it));
          const may = mayKeep(model, caller);
          // Of what somebody may not even see nothing is said.
          const refused = may ? [] : live.filter(({ subject }) => subject === caller);
          const ended = may ? live : [];
          deepStrictEqual(result, { ended: idsOf(ended), refused: idsOf(refused) });
          for (const grant of ended) model.end(grant, 'REVOKED');
          return ended.length > 0;
        },
      ),
  );

function idsOf(grants: readonly ModelGrant[]): readonly string[] {
  return grants.map(({ id }) => id).toSorted();
}

export const offboard = fc
  .record({
    caller: fc.constantFrom(...KEEPERS),
    who: fc.constantFrom(...REQUESTERS, ...REQUESTERS, ...Object.keys(HOME)),
    /** Whoever is out does nothing more: that is not to be most of a life. */
    isRare: fc.constantFrom(true, false, false),
  })
  .map(
    ({ caller, who, isRare }) =>
      new Command(
        `offboard ${caller} ${who}`,
        () => isRare,
        async (model, share) => {
          const { reason, result } = await tried(takenOut(share.world.context, caller, who));
          deepStrictEqual(reason, lockRefusal(model, caller, { kind: 'person', id: who }));
          if (result === undefined) return false;
          const { lockId, ...told } = result;
          keepOrLock(model, who, lockId);
          deepStrictEqual(told, takeOut(model, who));
          return true;
        },
      ),
  );

/** One that holds until it is lifted is as good as a new one. */
function keepOrLock(model: Model, who: string, id: string): void {
  const kept = model.locks.all.filter(
    (lock) =>
      isStanding(lock, model.now) &&
      lock.endsAt === undefined &&
      lock.target.kind === 'person' &&
      lock.target.id === who,
  );
  if (kept.length > 0) {
    deepStrictEqual(kept.map((lock) => lock.id).includes(id), true);
    return;
  }
  model.locks.all.push({ id, target: { kind: 'person', id: who }, endsAt: undefined, isLifted: false });
}

/** @returns the ids of what has ended */
function takeOut(model: Model, who: string) {
  const pending = model.requests.filter(({ items }) => items.some(({ state }) => state === 'PENDING'));
  const own = pending.filter(({ requester, subject }) => requester === who || subject === who);
  const grants = model.grants.filter(({ state, subject }) => state !== 'ENDED' && subject === who);
  for (const request of own) withdrawPending(request);
  const unvoted = takeVotesBack(model, who);
  for (const grant of grants) model.end(grant, 'REVOKED');
  return {
    ended: idsOf(grants),
    withdrawn: own.map(({ id }) => id).toSorted(),
    unvoted,
  };
}
