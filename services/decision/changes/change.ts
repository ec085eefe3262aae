import type { EntityUid } from '../../../core/access/entity.ts';

/** What may be decided otherwise from a revision on. */
export interface Change {
  readonly revision: bigint;
  /** Whatever is asked about a question that names one of these, by `uidKey`; or whatever is asked at all. */
  readonly named: 'all' | ReadonlyMap<string, EntityUid>;
  /** Whether only what these hold has changed, and not who they are. */
  readonly isOfGrants: boolean;
}
