import { expect, test } from 'vitest';
import { changesBasis, type EventKind, SYSTEM_ACTOR } from '../../../core/access/event.ts';
import { parseUidKey } from '../../../core/access/entity.ts';

/** Whether a kind changes what eligibility is decided on: directory, policies or locks. Complete, by its type. */
const KINDS: Readonly<Record<EventKind, boolean>> = {
  REQUEST_SUBMITTED: false,
  REQUEST_REVIEWED: false,
  REQUEST_WITHDRAWN: false,
  ITEM_DENIED: false,
  ITEM_EXPIRED: false,
  GRANT_STARTED: false,
  REVIEW_WITHDRAWN: false,
  REVIEWERS_REMINDED: false,
  BREAK_GLASS_REVIEWED: false,
  GRANT_OPENED: false,
  GRANT_CLAIMED: false,
  GRANT_USED: false,
  GRANT_EXTENDED: false,
  GRANT_ENDED: false,
  ENTITIES_APPLIED: true,
  ENTITIES_DELETED: true,
  POLICY_ACTIVATED: true,
  LOCK_CREATED: true,
  LOCK_LIFTED: true,
};

test.for(Object.entries(KINDS))('whether %s changes the basis of decisions: %s', ([kind, changes]) => {
  expect(changesBasis(kind)).toBe(changes);
});

test('what happens by itself has an actor like all else', () => {
  expect(parseUidKey(SYSTEM_ACTOR)).toEqual({ type: 'Curfew::System', id: 'curfew' });
});
