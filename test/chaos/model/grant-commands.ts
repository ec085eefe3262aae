import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { extendRefusal } from './ask-refusal.ts';
import { aboutGrant, index, tried, wanted } from './command.ts';
import {
  activate as activated,
  release as released,
  report as reported,
  revoke as revoked,
} from './grant-calls.ts';
import { activateRefusal, releaseRefusal, revokeRefusal } from './grant-refusal.ts';
import { ask } from './granting.ts';
import type { ModelGrant } from './records.ts';
import { extend as extended } from './request-calls.ts';
import { LEAD, REQUESTERS, REVIEWERS, termsOf } from './terms.ts';

/** Whoever holds the grant, and sometimes somebody else. */
const HOLDER = 'holder';
const who = fc.constantFrom(HOLDER, HOLDER, HOLDER, HOLDER, LEAD, ...REQUESTERS);
const orHolder = (by: string, { subject }: Pick<ModelGrant, 'subject'>): string =>
  by === HOLDER ? subject : by;
const reviewer = fc.constantFrom(...REVIEWERS);
const isUsed = (it: ModelGrant): boolean => termsOf(it).idle !== undefined;
const isLive = (it: ModelGrant): boolean => it.state !== 'ENDED';

export const release = fc.record({ as: who, which: index }).map(({ as, which }) =>
  aboutGrant({
    name: `release ${as}`,
    which,
    isLikely: isLive,
    does: async (model, share, grant) => {
      const by = orHolder(as, grant);
      const reason = releaseRefusal(model, by, grant);
      if (!(await wanted(reason, released(share.world.context, by, grant.id)))) return false;
      model.end(grant, 'RELEASED');
      return true;
    },
  }),
);

export const revoke = fc.record({ by: reviewer, which: index }).map(({ by, which }) =>
  aboutGrant({
    name: `revoke ${by}`,
    which,
    isLikely: isLive,
    does: async (model, share, grant) => {
      const reason = revokeRefusal(model, by, grant);
      if (!(await wanted(reason, revoked(share.world.context, by, grant.id)))) return false;
      model.end(grant, 'REVOKED');
      return true;
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
      const reason = activateRefusal(model, by, grant);
      const isTaken = await wanted(reason, activated(share.world.context, by, grant.id));
      if (isTaken) model.claim(grant);
      // Whoever tried to begin it noticed that it may not.
      else if (reason === 'GRANT_ENDED' && isLive(grant)) model.end(grant, 'INELIGIBLE');
      return isTaken;
    },
  }),
);

export const use = fc
  .record({ which: index, useId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') })
  .map(({ which, useId }) =>
    aboutGrant({
      name: `use ${useId}`,
      which,
      isLikely: (it) => it.state === 'CLAIMABLE' || it.usesLeft !== undefined || isUsed(it),
      does: async (model, share, picked) => {
        const name = `${picked.id} ${useId}`;
        const { subject, resource } = picked;
        const grant = model.usedBy(picked, name);
        const isFree = !model.locks.stops({ subject, resource, grant }, model.now);
        const isNow = model.now < grant.endsAt && grant.actions.includes('read');
        const is = isFree && isNow && model.use(grant, name);
        const seen = await share.world.mayRead(subject, resource, { useId: name });
        deepStrictEqual(seen, is || model.mayRead(subject, resource));
        if (is && isUsed(grant)) await reported(share.world.context, grant.id, 0);
        return is;
      },
    }),
  );

/** A decision service tells of uses that it noted. */
export const report = fc.record({ which: index, ago: fc.constantFrom(0, 5, 15) }).map(({ which, ago }) =>
  aboutGrant({
    name: `report ${ago}m`,
    which,
    isLikely: isUsed,
    does: async (model, share, grant) => {
      await reported(share.world.context, grant.id, ago);
      model.note(grant, model.now - ago);
      return grant.state !== 'ENDED';
    },
  }),
);

export const extend = fc
  .record({ as: who, which: index, minutes: fc.constantFrom(30, 30, 60, 240, 300) })
  .map(({ as, which, minutes }) =>
    aboutGrant({
      name: `extend ${as} ${minutes}m`,
      which,
      isLikely: (it) => it.state === 'ACTIVE' && termsOf(it).extensions > it.extensions,
      does: async (model, share, grant) => {
        const by = orHolder(as, grant);
        const { kind, subject, resource, actions } = grant;
        const items = [{ kind, resource, actions }];
        const isBreakGlass = termsOf(grant).reviewWithin !== undefined;
        const wish = {
          requester: by,
          subject,
          minutes,
          startsAt: undefined,
          isBreakGlass,
          items,
          extends: grant,
        };
        const more = { grantId: grant.id, minutes, reason: share.nextReason() };
        const { reason, result } = await tried(extended(share.world.context, by, more));
        deepStrictEqual(reason, extendRefusal(model, by, grant, wish));
        if (result === undefined) return false;
        ask(model, result, wish);
        return true;
      },
    }),
  );
