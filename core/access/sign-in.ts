import type { EntityUid } from './entity.ts';

/** When and how somebody proved who they are, as far as their token says. */
export interface SignIn {
  /** Undefined when the token does not say. */
  readonly at: Date | undefined;
  /** Such as "pwd", "otp" or "hwk" (RFC 8176); empty when the token does not say. */
  readonly methods: readonly string[];
}

/** What an approval is judged by for as long as it counts: the instant at which it was cast, and its reviewer's sign-in. */
export interface Cast {
  readonly at: Date;
  /** Undefined when the reviewer's credentials said nothing of it. */
  readonly signIn: SignIn | undefined;
}

/** An approval that a grant which waits is judged by once more when it begins. What is undefined was not kept. */
export interface KeptCast extends Cast {
  /** Undefined: the approver of the grant in the same place. */
  readonly reviewer?: EntityUid;
  /** The steps of the grant that it could fill itself; absent from grants that were approved before this was kept, where each counts. */
  readonly filled?: readonly string[];
  /** The steps that stood in for all others by then, and that it could fill. */
  readonly stoodIn?: readonly string[];
}
