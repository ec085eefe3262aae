import { type EntityUid, formatUid, uidKey } from './entity.ts';

/** What a lock stops. */
export type LockTarget =
  /** Whatever is the entity or inside of it: a person, a service, a group, a resource or a container. */
  | { readonly kind: 'entity'; readonly uid: EntityUid }
  | { readonly kind: 'grant'; readonly grantId: string }
  | { readonly kind: 'everything' };

/** An emergency stop: while it holds, nothing permits. */
export interface Lock {
  readonly id: string;
  readonly target: LockTarget;
  readonly reason: string;
  readonly createdBy: EntityUid;
  readonly createdAt: Date;
  /** The first instant at which it no longer holds; undefined = when it is lifted. */
  readonly expiresAt: Date | undefined;
}

/** A lock with what became of it. */
export interface RecordedLock extends Lock {
  readonly lifted: Lift | undefined;
}

/** That somebody lifted a lock. */
export interface Lift {
  readonly at: Date;
  readonly by: EntityUid;
  readonly reason: string;
}

/** Whether a lock that was not lifted holds at an instant. Where time is not certain, ask at the earliest that it may be. */
export function holdsAt({ expiresAt }: Pick<Lock, 'expiresAt'>, at: Date): boolean {
  return expiresAt === undefined || at < expiresAt;
}

/** When the last of the locks ends by itself; undefined when one does not. */
export function lastEnd(locks: readonly Pick<Lock, 'expiresAt'>[]): Date | undefined {
  const ends = locks.map(({ expiresAt }) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
  const lastMs = Math.max(...ends);
  return Number.isFinite(lastMs) ? new Date(lastMs) : undefined;
}

/** A key for maps, equal for equal targets. */
export function targetKey(target: LockTarget): string {
  switch (target.kind) {
    case 'entity':
      return uidKey(target.uid);
    case 'grant':
      return grantKey(target.grantId);
    case 'everything':
      return EVERYTHING_KEY;
  }
}

/** No key of an entity, which has `::` in it. */
export const EVERYTHING_KEY = 'everything';

/** The `targetKey` of a grant. */
export function grantKey(grantId: string): string {
  return `grant ${grantId}`;
}

/** What is locked, for messages: `User::"ada"`, `grant 7d0c…`, `everything`. */
export function formatTarget(target: LockTarget): string {
  switch (target.kind) {
    case 'entity':
      return formatUid(target.uid);
    case 'grant':
      return `grant ${target.grantId}`;
    case 'everything':
      return 'everything';
  }
}
