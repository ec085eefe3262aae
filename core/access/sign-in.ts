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
