import { hash } from 'node:crypto';
import { type EntityUid, uidKey } from './entity.ts';
import type { Verdict } from './event.ts';
import type { Narrowing } from './narrowing.ts';
import type { Cast } from './sign-in.ts';
import type { Workflow } from './workflow.ts';

export type ItemState = 'PENDING' | 'APPROVED' | 'DENIED' | 'WITHDRAWN' | 'EXPIRED';
export type RequestState = ItemState | 'PARTIALLY_APPROVED';

/** One resource of a request, with the workflow as it was at submission. */
export interface RequestItem {
  /** Its position in the request. */
  readonly item: number;
  readonly resource: EntityUid;
  /** Groups expanded. */
  readonly actions: readonly EntityUid[];
  readonly workflow: Workflow;
  readonly state: ItemState;
  /** When it lapses unanswered. */
  readonly expiresAt: Date;
  readonly resolvedAt: Date | undefined;
  /** Why it was denied without a reviewer's deny; else empty. */
  readonly deniedBecause: string;
  /** The grant it became, or that it extended. */
  readonly grantId: string | undefined;
  /** Whether somebody has yet to look at its break-glass grant. */
  readonly isOwed: boolean;
}

/** One person's vote on one item. */
export interface Review extends Cast {
  readonly item: number;
  readonly reviewer: EntityUid;
  readonly verdict: Verdict;
  readonly comment: string;
  readonly policyDigest: string;
  /** Of an approval: what it agrees to, where that is less than was asked for. */
  readonly narrowing: Narrowing;
  /** When its reviewer took it back; it does not count from then on. */
  readonly withdrawnAt: Date | undefined;
}

export interface AccessRequest {
  readonly id: string;
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  readonly reason: string;
  /** Empty when there is none. */
  readonly ticket: string;
  readonly durationMs: number;
  /** A fixed start; undefined = from approval, or on first use. */
  readonly startsAt: Date | undefined;
  readonly breakGlass: boolean;
  /** What it asks to extend; undefined when it asks for a grant of its own. */
  readonly extends: Extension | undefined;
  /** 32 bytes. */
  readonly requestHash: Uint8Array;
  readonly createdAt: Date;
  readonly items: readonly RequestItem[];
  /** In the order cast. */
  readonly reviews: readonly Review[];
}

/** A grant that is to last longer. */
export interface Extension {
  readonly grantId: string;
  /** The how manieth of the grant, from 1. */
  readonly extension: number;
}

/** Where an item stands at an instant, whatever has been written down of it. */
export function itemStateAt(item: RequestItem, now: Date): ItemState {
  return item.state === 'PENDING' && now >= item.expiresAt ? 'EXPIRED' : item.state;
}

/** When the item was decided, if it was by then: a lapsed one at its end. */
export function itemResolvedAt(item: RequestItem, now: Date): Date | undefined {
  return item.state === 'PENDING' && now >= item.expiresAt ? item.expiresAt : item.resolvedAt;
}

/** What the items' states come to: pending while any is, then by how many were approved. */
export function aggregate(states: readonly ItemState[]): RequestState {
  if (states.includes('PENDING')) return 'PENDING';
  if (states.every((state) => state === 'APPROVED')) return 'APPROVED';
  if (states.includes('APPROVED')) return 'PARTIALLY_APPROVED';
  return (['WITHDRAWN', 'DENIED'] as const).find((state) => states.includes(state)) ?? 'EXPIRED';
}

export function requestStateAt(request: AccessRequest, now: Date): RequestState {
  return aggregate(request.items.map((item) => itemStateAt(item, now)));
}

/** When the last pending item lapses; of a decided request, when the last could have. */
export function requestExpiresAt(items: readonly Pick<RequestItem, 'expiresAt' | 'state'>[]): Date {
  const pending = items.filter((item) => item.state === 'PENDING');
  const of = pending.length === 0 ? items : pending;
  return new Date(Math.max(...of.map((item) => item.expiresAt.getTime())));
}

/** Items that reviewers still have to answer. */
export function pendingItems(request: AccessRequest, now: Date): readonly RequestItem[] {
  return request.items.filter((item) => itemStateAt(item, now) === 'PENDING');
}

/** The votes on an item that have not been taken back. */
export function votesOn(request: Pick<AccessRequest, 'reviews'>, item: number): readonly Review[] {
  return request.reviews.filter((review) => review.item === item && review.withdrawnAt === undefined);
}

/** When an item that is asked for now lapses unanswered: a fixed window is not answered after its end. */
export function itemExpiresAt(
  { durationMs, startsAt }: Pick<AccessRequest, 'durationMs' | 'startsAt'>,
  workflow: Pick<Workflow, 'pendingMs'>,
  now: Date,
): Date {
  const pendingTo = now.getTime() + workflow.pendingMs;
  if (startsAt === undefined) return new Date(pendingTo);
  return new Date(Math.min(pendingTo, startsAt.getTime() + durationMs));
}

/** SHA-256 over what is asked for, by and for whom and why: equal for a request that asks for the very same again. */
export function hashWish(
  request: Omit<AccessRequest, 'id' | 'requestHash' | 'createdAt' | 'reviews'>,
): Buffer {
  const items = request.items.map((item) => ({
    resource: uidKey(item.resource),
    actions: item.actions.map(uidKey).toSorted(),
    workflow: item.workflow.id,
  }));
  return sha256Of({
    requester: uidKey(request.requester),
    subject: uidKey(request.subject),
    reason: request.reason,
    ticket: request.ticket,
    durationMs: request.durationMs,
    items: items.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
    startsAt: request.startsAt?.toISOString(),
    breakGlass: request.breakGlass,
    extends: request.extends?.grantId,
  });
}

/** SHA-256 over the request as submitted, workflow copies included: what a reviewer saw and votes on. */
export function hashRequest(request: Omit<AccessRequest, 'requestHash' | 'reviews'>): Buffer {
  const shown = {
    id: request.id,
    requester: uidKey(request.requester),
    subject: uidKey(request.subject),
    reason: request.reason,
    ticket: request.ticket,
    durationMs: request.durationMs,
    startsAt: request.startsAt?.toISOString(),
    breakGlass: request.breakGlass,
    extends: request.extends,
    createdAt: request.createdAt.toISOString(),
    items: request.items.map((item) => ({
      resource: uidKey(item.resource),
      actions: item.actions.map(uidKey),
      workflow: item.workflow,
    })),
  };
  return sha256Of(shown);
}

function sha256Of(value: object): Buffer {
  return Buffer.from(hash('sha256', JSON.stringify(value), 'hex'), 'hex');
}
