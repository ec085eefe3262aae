import type { EntityUid } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import { readGrants } from '../../core/store/grants.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { grantNotFound, grantQuestion, maySeeGrant } from './end-grant.ts';
import { takeTurns } from './give-way.ts';
import { isPermitted, notPermitted } from './rights.ts';

/** Why a grant is not ended. */
export interface Refusal {
  readonly id: string;
  readonly error: unknown;
}

/** What the database says of grants that memory does not let the caller revoke. */
export interface LookedUp {
  readonly permitted: readonly string[];
  readonly refused: readonly Refusal[];
  /** Those that could not be looked up. */
  readonly unclear: readonly Refusal[];
}

/**
 * Which of the grants the caller may revoke, so that nobody else takes the connections kept for that; it is decided again when they
 * are ended. What memory permits is `sure` at once and needs no connection; `rest` is looked up meanwhile and never rejects.
 */
export async function findRevocable(
  context: GrantContext,
  ids: readonly string[],
  { caller, signal }: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<{ readonly sure: readonly string[]; readonly rest: Promise<LookedUp> }> {
  const { grants } = context.followed.replica;
  const { permitted } = await judge(context, ids, { caller, signal, grantOf: (id) => grants.get(id) });
  const sure = new Set(permitted);
  const rest = ids.filter((id) => !sure.has(id));
  return { sure: permitted, rest: lookUp(context, rest, { caller, signal }) };
}

async function lookUp(
  context: GrantContext,
  ids: readonly string[],
  by: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<LookedUp> {
  if (ids.length === 0) return { permitted: [], refused: [], unclear: [] };
  try {
    await catchUp(context);
    const rows = await readGrants(context.database, ids);
    const judged = await judge(context, ids, { ...by, grantOf: (id) => rows.get(id)?.grant });
    return { ...judged, unclear: [] };
  } catch (error) {
    return { permitted: [], refused: [], unclear: ids.map((id) => ({ id, error })) };
  }
}

interface Judging {
  readonly caller: EntityUid;
  readonly signal: AbortSignal;
  readonly grantOf: (id: string) => Grant | undefined;
}

async function judge(context: GrantContext, ids: readonly string[], { caller, signal, grantOf }: Judging) {
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const giveWay = takeTurns();
  const permitted: string[] = [];
  const refused: Refusal[] = [];
  for (const id of ids) {
    await giveWay(signal);
    const grant = grantOf(id);
    if (grant === undefined) {
      refused.push({ id, error: grantNotFound(id) });
      continue;
    }
    const question = grantQuestion('revoke', grant, caller, now);
    if (isPermitted(replica, question)) permitted.push(id);
    else {
      const isSeen = maySeeGrant(replica, grant, caller, now);
      refused.push({ id, error: isSeen ? notPermitted(question) : grantNotFound(id) });
    }
  }
  return { permitted, refused };
}
