import { createHash, randomUUID } from 'node:crypto';
import {
  type ItemState,
  itemStateAt,
  type RequestState,
  requestStateAt,
} from '../../../core/access/request.ts';
import type { Verdict } from '../../../core/access/event.ts';
import { readRequest } from '../../../core/store/requests.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { askToExtend } from '../../../services/grant/extend-grant.ts';
import { requestAccess } from '../../../services/grant/request-access.ts';
import { reviewAccessRequest } from '../../../services/grant/review-access-request.ts';
import { withdrawAccessRequest } from '../../../services/grant/withdraw-access-request.ts';
import { withdrawReview } from '../../../services/grant/withdraw-review.ts';
import { action, MINUTE_MS, user } from './entities.ts';
import type { ModelWish } from './records.ts';

/** What is asked for, and why. */
export interface Wish extends Omit<ModelWish, 'startsAt' | 'extends'> {
  readonly startsAt: Date | undefined;
  readonly reason: string;
}

/** What a request shows. */
export interface SeenRequest {
  readonly state: RequestState;
  readonly items: readonly { readonly state: ItemState; readonly grantId: string | undefined }[];
}

/** @returns the id of the request */
export async function ask(context: GrantContext, wish: Wish, key?: string): Promise<string> {
  const bodyHash = createHash('sha256').update(JSON.stringify(wish)).digest();
  const callKey = key === undefined ? undefined : { key, bodyHash };
  const { requester, subject, minutes, startsAt, isBreakGlass: breakGlass, reason } = wish;
  const asked = {
    id: randomUUID(),
    requester: user(requester),
    subject: user(subject),
    reason,
    ticket: '',
    durationMs: minutes * MINUTE_MS,
    startsAt,
    breakGlass,
    extends: undefined,
    items: wish.items.map(({ resource, actions }) => ({
      resource: { type: 'Database', id: resource },
      actions: actions.map(action),
      workflow: undefined,
    })),
  };
  return (await requestAccess(context, asked, { callKey })).result.request.id;
}

/** @returns the id of the request for the extension */
export async function extend(
  context: GrantContext,
  by: string,
  {
    grantId,
    minutes,
    reason,
  }: { readonly grantId: string; readonly minutes: number; readonly reason: string },
): Promise<string> {
  const asked = { grantId, caller: user(by), reason, ticket: '', durationMs: minutes * MINUTE_MS };
  const call = { callKey: undefined, signal: new AbortController().signal };
  return (await askToExtend(context, asked, call)).result.id;
}

/** A vote on some items of a request. */
export interface Cast {
  readonly by: string;
  readonly requestId: string;
  readonly verdict: Verdict;
  readonly named: readonly number[];
  readonly narrowing: readonly {
    readonly item: number;
    readonly actions?: readonly string[] | undefined;
    readonly minutes?: number | undefined;
    readonly startsAt?: Date | undefined;
  }[];
}

export async function vote(context: GrantContext, cast: Cast): Promise<void> {
  const { by, requestId, verdict, named, narrowing } = cast;
  const request = await readRequest(context.database, requestId);
  if (request === undefined) throw new Error(`request ${requestId} is gone`);
  await reviewAccessRequest(context, {
    requestId,
    reviewer: user(by),
    signIn: undefined,
    verdict,
    comment: 'seen',
    requestHash: request.requestHash,
    items: named,
    narrowing: narrowing.map(({ item, actions, minutes, startsAt }) => ({
      item,
      actions: actions?.map(action),
      durationMs: minutes === undefined ? undefined : minutes * MINUTE_MS,
      startsAt,
    })),
  });
}

export async function takeBack(
  context: GrantContext,
  by: string,
  { requestId, named }: Pick<Cast, 'requestId' | 'named'>,
): Promise<void> {
  await withdrawReview(context, { requestId, reviewer: user(by), items: named });
}

export async function withdraw(context: GrantContext, by: string, requestId: string): Promise<void> {
  await withdrawAccessRequest(context, requestId, user(by));
}

export async function seenRequest(context: GrantContext, id: string): Promise<SeenRequest> {
  const request = await readRequest(context.database, id);
  if (request === undefined) throw new Error(`request ${id} is gone`);
  const now = context.followed.clock.now();
  return {
    state: requestStateAt(request, now),
    items: request.items.map((item) => ({ state: itemStateAt(item, now), grantId: item.grantId })),
  };
}
