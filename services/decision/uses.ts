import { randomUUID } from 'node:crypto';
import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import { idleFrom, type LiveGrant } from '../../core/access/grant.ts';
import type { CallContext } from '../../core/rpc/route.ts';
import type { Answer } from './answer.ts';
import type { DecisionContext } from './authorize.ts';
import type { Question } from './question.ts';

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
}

/** Tells the grant service of uses of grants. */
export interface Uses {
  /**
   * Resolves to whether the grant service has acknowledged the use; false when the grant is of no use any more.
   * @throws AccessError USE_NOT_ACKNOWLEDGED when it gives no answer
   */
  acknowledge(use: Use, asking: Asking): Promise<boolean>;
  /** When the grant was last used, as far as this process has heard or seen; undefined before the first use. */
  lastUsedAt(grant: LiveGrant): Date | undefined;
  /** Notes a use that needs no acknowledgement, to be told of later on. */
  note(grantId: string, at: Date, asking: Asking): void;
}

/** Whether a grant takes note of its uses: it is counted, its beginning is not written down yet, or it ends without. */
export function takesUses({ state, usesLeft, terms }: LiveGrant): boolean {
  return state !== 'ACTIVE' || usesLeft !== undefined || terms.idleMs !== undefined;
}

/**
 * Whether an answer may be given as it is: what a grant permits whose uses count is a use, which is taken first. A rehearsal uses
 * nothing.
 * @throws AccessError USE_NOT_ACKNOWLEDGED
 */
export async function mayStand(
  { uses }: DecisionContext,
  asking: Asking,
  { dryRun, explain, useId }: Question,
  { grant, decidedAt }: Answer,
): Promise<boolean> {
  if (grant === undefined || dryRun || explain || !takesUses(grant)) return true;
  const need = acknowledgementOf(grant, uses.lastUsedAt(grant), decidedAt);
  if (need === 'none') {
    uses.note(grant.id, decidedAt, asking);
    return true;
  }
  const use = { grantId: grant.id, useId: useId === '' ? randomUUID() : useId };
  try {
    return await uses.acknowledge(use, asking);
  } catch (error) {
    if (need === 'wished' && isNotAcknowledged(error)) return true;
    throw error;
  }
}

type Acknowledgement = 'none' | 'wished' | 'needed';

/**
 * Whether one with a fixed start may begin is judged once, by the grant service, where it is first used; while that gives no answer it
 * was judged here, each time. Others may have used an idle grant without this process knowing: the grant service knows.
 */
function acknowledgementOf(grant: LiveGrant, lastUsedAt: Date | undefined, now: Date): Acknowledgement {
  if (grant.state === 'CLAIMABLE' || grant.usesLeft !== undefined) return 'needed';
  const idleAt = idleFrom({ ...grant, lastUsedAt });
  if (idleAt !== undefined && now >= idleAt) return 'needed';
  return grant.state === 'SCHEDULED' ? 'wished' : 'none';
}

function isNotAcknowledged(error: unknown): boolean {
  return error instanceof AccessError && error.reason === 'USE_NOT_ACKNOWLEDGED';
}

export function notAcknowledged(cause?: unknown): AccessError {
  const message =
    'the grant takes note of its uses, and the grant service did not acknowledge this one; ask again with the same use_id';
  return new AccessError('USE_NOT_ACKNOWLEDGED', message, { cause });
}
