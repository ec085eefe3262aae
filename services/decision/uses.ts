import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { LiveGrant } from '../../core/access/grant.ts';
import type { CallContext } from '../../core/rpc/route.ts';

/** Who asks, in whose name the grant service is told of uses. */
export interface Asking {
  readonly caller: EntityUid;
  /** The bearer token that they sent, if they sent one. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

/** In whose name a call asks; what only uses need is made when one is taken. */
export function askingOf(call: CallContext): Asking {
  return new CallAsking(call);
}

class CallAsking implements Asking {
  readonly #call: CallContext;
  readonly caller: EntityUid;

  constructor(call: CallContext) {
    this.#call = call;
    this.caller = call.caller.uid;
  }

  get authorization(): string | undefined {
    return this.#call.authorization;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }
}

/** One use of a grant. */
export interface Use {
  readonly grantId: string;
  /** The same again is the same use. */
  readonly useId: string;
  /** Others of the subject's grants that may have counted it. */
  readonly otherIds: readonly string[];
}

/** Tells the grant service of uses of grants. */
export interface Uses {
  /**
   * Resolves to the grant that may permit for the use as the grant service says: the same, when it has acknowledged the use; one of the
   * others, when that counted it before; undefined when the grant is of no use any more.
   * @throws AccessError USE_NOT_ACKNOWLEDGED when it gives no answer
   */
  acknowledge(use: Use, asking: Asking): Promise<string | undefined>;
  /** When the grant was last used, as far as this process has heard or seen; undefined before the first use. */
  lastUsedAt(grant: LiveGrant): Date | undefined;
  /** Notes a use that needs no acknowledgement, to be told of later on. */
  note(grantId: string, at: Date, asking: Asking): void;
}

/** Whether a grant takes note of its uses: it is counted, its beginning is not written down yet, or it ends without. */
export function takesUses({ state, usesLeft, terms }: LiveGrant): boolean {
  return state !== 'ACTIVE' || usesLeft !== undefined || terms.idleMs !== undefined;
}

export function notAcknowledged(cause?: unknown): AccessError {
  const message =
    'the grant takes note of its uses, and the grant service did not acknowledge this one; ask again with the same use_id';
  return new AccessError('USE_NOT_ACKNOWLEDGED', message, { cause });
}
