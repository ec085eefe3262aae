import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { aboutGrant, taken, wanted } from './command.ts';
import { REQUESTERS, REVIEWERS } from './model.ts';

const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
const who = fc.constantFrom(...REQUESTERS);
const reviewer = fc.constantFrom(...REVIEWERS);

export const release = fc.record({ by: who, which: index }).map(({ by, which }) =>
  aboutGrant(`release ${by}`, which, async (model, share, grant) => {
    const is = grant.state !== 'ENDED' && grant.subject === by;
    await wanted(is, share.world.release(by, grant.id));
    if (is) model.end(grant, 'RELEASED');
    return is;
  }),
);

export const revoke = fc.record({ by: reviewer, which: index }).map(({ by, which }) =>
  aboutGrant(`revoke ${by}`, which, async (model, share, grant) => {
    const is = grant.state !== 'ENDED' && model.members.security.has(by);
    await wanted(is, share.world.revoke(by, grant.id));
    if (is) model.end(grant, 'REVOKED');
    return is;
  }),
);

export const activate = fc.record({ by: who, which: index }).map(({ by, which }) =>
  aboutGrant(`activate ${by}`, which, async (model, share, grant) => {
    const is = grant.state === 'CLAIMABLE' && grant.subject === by;
    await wanted(is, share.world.activate(by, grant.id));
    if (is) model.claim(grant);
    return is;
  }),
);

export const use = fc
  .record({ which: index, useId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') })
  .map(({ which, useId }) =>
    aboutGrant(`use ${useId}`, which, async (model, share, grant) => {
      const name = `${grant.id} ${useId}`;
      const isRead = grant.actions.includes('read');
      const is = isRead && model.now < grant.endsAt && model.use(grant, name);
      const others = model.mayRead(grant.subject, grant.resource);
      const seen = await share.world.mayRead(grant.subject, grant.resource, { useId: name });
      deepStrictEqual(seen, is || others);
      return is;
    }),
  );

export const extend = fc
  .record({ by: who, which: index, minutes: fc.constantFrom(30, 60, 240, 300) })
  .map(({ by, which, minutes }) =>
    aboutGrant(`extend ${by} ${minutes}m`, which, async (model, share, grant) => {
      const { extensions, max } = model.termsOf(grant);
      const isAsked = model.requests.some((it) => it.extends === grant && it.state === 'PENDING');
      const is =
        grant.state === 'ACTIVE' &&
        grant.subject === by &&
        grant.extensions < extensions &&
        minutes <= max &&
        !isAsked;
      const { isTaken, result, why } = await taken(
        share.world.extend(by, grant.id, { minutes, reason: share.nextReason() }),
      );
      deepStrictEqual(isTaken, is, why);
      if (result === undefined) return false;
      const { kind, resource, actions } = grant;
      model.ask({ id: result, by, kind, resource, actions, minutes }, grant);
      return true;
    }),
  );
