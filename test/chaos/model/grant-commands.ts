import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { aboutGrant, index, taken, wanted } from './command.ts';
import type { ModelGrant } from './records.ts';
import { REQUESTERS, REVIEWERS } from './terms.ts';

/** Whoever holds the grant, and sometimes somebody else. */
const HOLDER = 'holder';
const who = fc.constantFrom(HOLDER, HOLDER, HOLDER, ...REQUESTERS);
const orHolder = (by: string, { subject }: Pick<ModelGrant, 'subject'>): string =>
  by === HOLDER ? subject : by;
const reviewer = fc.constantFrom(...REVIEWERS);

export const release = fc.record({ as: who, which: index }).map(({ as, which }) =>
  aboutGrant({
    name: `release ${as}`,
    which,
    isLikely: (it) => it.state !== 'ENDED',
    does: async (model, share, grant) => {
      const by = orHolder(as, grant);
      const is = grant.state !== 'ENDED' && grant.subject === by && !model.locks.isLocked(by, model.now);
      await wanted(is, share.world.release(by, grant.id));
      if (is) model.end(grant, 'RELEASED');
      return is;
    },
  }),
);

export const revoke = fc.record({ by: reviewer, which: index }).map(({ by, which }) =>
  aboutGrant({
    name: `revoke ${by}`,
    which,
    isLikely: (it) => it.state !== 'ENDED',
    does: async (model, share, grant) => {
      const isEntitled = model.members.security.has(by) && !model.locks.isLocked(by, model.now);
      const is = grant.state !== 'ENDED' && isEntitled;
      await wanted(is, share.world.revoke(by, grant.id));
      if (is) model.end(grant, 'REVOKED');
      return is;
    },
  }),
);

export const activate = fc.record({ as: who, which: index }).map(({ as, which }) =>
  aboutGrant({
    name: `activate ${as}`,
    which,
    isLikely: (it) => it.state === 'CLAIMABLE',
    does: async (model, share, grant) => {
      const by = orHolder(as, grant);
      const isBarred = model.locks.bars({ ...grant, grant }, model.now);
      const isTheirs = grant.state === 'CLAIMABLE' && grant.subject === by && !isBarred;
      const is = isTheirs && model.isAgreed(grant);
      await wanted(is, share.world.activate(by, grant.id));
      if (is) model.claim(grant);
      return is;
    },
  }),
);

export const use = fc
  .record({ which: index, useId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') })
  .map(({ which, useId }) =>
    aboutGrant({
      name: `use ${useId}`,
      which,
      isLikely: (it) => it.state === 'CLAIMABLE' || it.usesLeft !== undefined,
      does: async (model, share, picked) => {
        const name = `${picked.id} ${useId}`;
        const { subject, resource } = picked;
        const grant = model.usedBy(picked, name);
        const isFree = !model.locks.stops({ subject, resource, grant }, model.now);
        const isNow = model.now < grant.endsAt && grant.actions.includes('read');
        const is = isFree && isNow && model.use(grant, name);
        const seen = await share.world.mayRead(subject, resource, { useId: name });
        deepStrictEqual(seen, is || model.mayRead(subject, resource));
        return is;
      },
    }),
  );

export const extend = fc
  .record({ as: who, which: index, minutes: fc.constantFrom(30, 30, 60, 240, 300) })
  .map(({ as, which, minutes }) =>
    aboutGrant({
      name: `extend ${as} ${minutes}m`,
      which,
      isLikely: (it) => it.state === 'ACTIVE' && ['plain', 'auto'].includes(it.kind),
      does: async (model, share, grant) => {
        const by = orHolder(as, grant);
        const { kind, subject, resource, actions } = grant;
        const wish = { by, subject, kind, resource, actions, minutes, startsAt: undefined };
        const { extensions } = model.termsOf(grant);
        const isAsked = model.requests.some((it) => it.extends === grant && it.state === 'PENDING');
        const is =
          grant.state === 'ACTIVE' &&
          subject === by &&
          grant.extensions < extensions &&
          !isAsked &&
          !model.locks.stops({ subject, resource, grant }, model.now) &&
          model.mayAsk(wish);
        const { isTaken, result, why } = await taken(
          share.world.extend(by, grant.id, { minutes, reason: share.nextReason() }),
        );
        deepStrictEqual(isTaken, is, why);
        if (result === undefined) return false;
        model.ask(result, wish, grant);
        return true;
      },
    }),
  );
