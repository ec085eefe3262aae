import { type EntityUid, sameUid } from './entity.ts';
import type { AccessRequest, RequestItem } from './request.ts';

/** What a vote makes of an item: fewer actions, a shorter time, a later start. What is undefined stays as it was asked for. */
export interface Narrowing {
  readonly actions?: readonly EntityUid[] | undefined;
  readonly durationMs?: number | undefined;
  readonly startsAt?: Date | undefined;
}

/** What an item comes to: what its grant would be. */
export interface ItemTerms {
  /** Empty when the votes leave nothing. */
  readonly actions: readonly EntityUid[];
  readonly durationMs: number;
  /** Undefined = from approval, or on first use. */
  readonly startsAt: Date | undefined;
}

/** The intersection of what was asked for and of all the narrowings. */
export function narrowedTerms(
  request: Pick<AccessRequest, 'durationMs' | 'startsAt'>,
  item: Pick<RequestItem, 'actions'>,
  narrowings: readonly Narrowing[],
): ItemTerms {
  const starts = [request.startsAt, ...narrowings.map(({ startsAt }) => startsAt)].filter(isSaid);
  return {
    actions: item.actions.filter((action) =>
      narrowings.every(({ actions }) => actions === undefined || actions.some((it) => sameUid(it, action))),
    ),
    durationMs: Math.min(request.durationMs, ...narrowings.map((it) => it.durationMs).filter(isSaid)),
    startsAt: starts.length === 0 ? undefined : new Date(Math.max(...starts.map((at) => at.getTime()))),
  };
}

/**
 * The window that the terms come to when they are approved now. A start that was asked for fixes the end as well: who approves late or
 * lets it begin later makes it shorter, never later. Empty (`startsAt >= expiresAt`) when the votes leave no time.
 */
export function windowOf(
  request: Pick<AccessRequest, 'durationMs' | 'startsAt'>,
  { durationMs, startsAt }: ItemTerms,
  now: Date,
): { readonly startsAt: Date; readonly expiresAt: Date } {
  const from = Math.max(now.getTime(), startsAt?.getTime() ?? 0);
  const asked =
    request.startsAt === undefined
      ? Number.POSITIVE_INFINITY
      : request.startsAt.getTime() + request.durationMs;
  return { startsAt: new Date(from), expiresAt: new Date(Math.min(from + durationMs, asked)) };
}

function isSaid<T>(value: T | undefined): value is T {
  return value !== undefined;
}
