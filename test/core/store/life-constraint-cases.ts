import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { Database } from '../../../core/store/connect.ts';
import type { OpenSteps, OwedReviews } from '../../../core/store/schema.ts';
import type { ConstraintCase } from './constraint-cases.ts';
import { at, grant, hash, hourMs, insert, item, later, request, review } from './valid-rows.ts';

const again = { id: randomUUID() };

const owed: Insertable<OwedReviews> = {
  grant_id: grant.id,
  request_id: request.id,
  item: 0,
  requester: request.requester,
  subject: request.subject,
  step: 'security',
  due_at: later,
};
const openStep: Insertable<OpenSteps> = {
  request_id: request.id,
  item: 0,
  step: 'security',
  position: 1,
  resource: item.resource,
  resource_type: 'Database',
  requester: request.requester,
  subject: request.subject,
  expires_at: later,
};
const settled = { settled_at: at, reviewer: 'User::"bob"', verdict: 'APPROVE', comment: '' } as const;

/** Breaks a table that refers to the grant. */
const ofGrant =
  (breaks: (database: Database) => Promise<unknown>) =>
  async (database: Database): Promise<unknown> => {
    await insert('grants', grant, {})(database);
    return await breaks(database);
  };

/** Of grants that wait, are counted or extended, of votes that narrow, and of break-glass. */
export const lifeConstraintCases: readonly ConstraintCase[] = [
  {
    title: 'I8 W12 an extended grant that is longer than its extensions allow',
    constraint: 'grants_max',
    breaks: insert('grants', grant, {
      expires_at: new Date(at.getTime() + 2 * hourMs + 1),
      extensions: 1,
      max_extensions: 9,
    }),
  },
  {
    title: 'I8 a grant of a longer time than its workflow allows, though it waits for its use',
    constraint: 'grants_duration',
    breaks: insert('grants', grant, { state: 'CLAIMABLE', duration_ms: hourMs + 1 }),
  },
  {
    title: 'W12 a grant that was extended more often than it may be',
    constraint: 'grants_extensions',
    breaks: insert('grants', grant, { extensions: 2, max_extensions: 1 }),
  },
  {
    title: 'a grant with less than no use left',
    constraint: 'grants_uses',
    breaks: insert('grants', grant, { uses_left: -1 }),
  },
  {
    title: 'a used-up grant with a use left',
    constraint: 'grants_exhausted',
    breaks: insert('grants', grant, {
      state: 'ENDED',
      ended_at: later,
      end_reason: 'EXHAUSTED',
      uses_left: 1,
    }),
  },
  {
    title: 'a grant that is idle at once',
    constraint: 'grants_idle',
    breaks: insert('grants', grant, { idle_ms: 0 }),
  },
  {
    title: 'a use of no grant',
    constraint: 'grant_uses_grant',
    breaks: insert('grant_uses', { grant_id: randomUUID(), use_id: 'one', used_at: at }, {}),
  },
  {
    title: 'a use without a name',
    constraint: 'grant_uses_use_id',
    breaks: ofGrant(insert('grant_uses', { grant_id: grant.id, use_id: '', used_at: at }, {})),
  },
  {
    title: 'one use counted twice',
    constraint: 'grant_uses_pkey',
    breaks: ofGrant(async (database) => {
      const use = { grant_id: grant.id, use_id: 'one', used_at: at };
      await insert('grant_uses', use, {})(database);
      await insert('grant_uses', use, {})(database);
    }),
  },
  {
    title: 'a request to extend no grant',
    constraint: 'access_requests_extends',
    breaks: insert('access_requests', request, { ...again, extends: randomUUID(), extension: 1 }),
  },
  {
    title: 'a request to extend a grant for the how manieth time is not said',
    constraint: 'access_requests_extension',
    breaks: ofGrant(insert('access_requests', request, { ...again, extends: grant.id })),
  },
  {
    title: 'a second request for the same while the first is pending',
    constraint: 'access_requests_once',
    breaks: async (database) => {
      await insert('access_requests', request, { ...again, wish: hash })(database);
      await insert('access_requests', request, { id: randomUUID(), wish: hash })(database);
    },
  },
  {
    title: 'a second request to extend one grant while the first is pending',
    constraint: 'access_requests_extending',
    breaks: ofGrant(async (database) => {
      const extending = { extends: grant.id, extension: 1 };
      await insert('access_requests', request, { ...again, ...extending })(database);
      await insert('access_requests', request, { id: randomUUID(), ...extending })(database);
    }),
  },
  {
    title: 'half a wish',
    constraint: 'access_requests_wish',
    breaks: insert('access_requests', request, { ...again, wish: Buffer.alloc(16) }),
  },
  {
    title: 'break-glass that begins later',
    constraint: 'access_requests_start',
    breaks: insert('access_requests', request, { ...again, break_glass: true, starts_at: later }),
  },
  {
    title: 'a vote that leaves no action',
    constraint: 'reviews_actions',
    breaks: insert('reviews', review, { actions: [] }),
  },
  {
    title: 'a vote whose sign-in has a time and no list of methods',
    constraint: 'reviews_sign_in',
    breaks: insert('reviews', review, { signed_in_at: at }),
  },
  {
    title: 'a vote that leaves no time',
    constraint: 'reviews_duration',
    breaks: insert('reviews', review, { duration_ms: 0 }),
  },
  {
    title: 'a review that no grant owes',
    constraint: 'owed_reviews_grant',
    breaks: insert('owed_reviews', owed, {}),
  },
  {
    title: 'an owed review of an item that is not there',
    constraint: 'owed_reviews_item',
    breaks: ofGrant(insert('owed_reviews', owed, { item: 1 })),
  },
  {
    title: 'W11 an owed review that was done by nobody',
    constraint: 'owed_reviews_settled',
    breaks: ofGrant(insert('owed_reviews', owed, { ...settled, reviewer: null })),
  },
  {
    title: 'W1 an owed review done by the requester',
    constraint: 'owed_reviews_not_requester',
    breaks: ofGrant(insert('owed_reviews', owed, { ...settled, reviewer: request.requester })),
  },
  {
    title: 'W1 an owed review done by the subject',
    constraint: 'owed_reviews_not_subject',
    breaks: ofGrant(insert('owed_reviews', owed, { ...settled, reviewer: request.subject })),
  },
  {
    title: 'a step that counts later and never opens',
    constraint: 'open_steps_later',
    breaks: insert('open_steps', openStep, { after_ms: 1 }),
  },
  {
    title: 'a step that counts from the beginning and opens later',
    constraint: 'open_steps_later',
    breaks: insert('open_steps', openStep, { opens_at: later }),
  },
];
