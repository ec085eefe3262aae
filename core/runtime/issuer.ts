/** Whose tokens are believed. */
export interface Issuer {
  /** The `iss` claim, exactly. */
  readonly issuer: string;
  /** The `aud` claim, or a member of it. */
  readonly audience: string;
  /** Where its public keys are: an https URL, an http URL on loopback, or a JWKS file. */
  readonly keys: KeySource;
  /** The claim whose value is the entity's id. */
  readonly claim: string;
  /** The claim whose value is the entity's type, if tokens carry it. */
  readonly typeClaim?: string;
  /** The entity's type when no claim says it; without either, the directory must know the id in one type only. */
  readonly entityType?: string;
  /** The only types that `typeClaim` may say; any unless said. */
  readonly entityTypes?: readonly string[];
  /** Other issuers that know the same callers by the same ids, so that a caller may come with a token of either. */
  readonly sharesEntitiesWith?: readonly string[];
}

export type KeySource =
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'file'; readonly path: string };
