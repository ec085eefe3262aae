import { randomUUID } from 'node:crypto';
import { AccessError } from '../../core/access/access-error.ts';
import { idleFrom, type LiveGrant } from '../../core/access/grant.ts';
import type { Answer } from './answer.ts';
import type { DecisionContext } from './authorize.ts';
import { coveringGrants } from './covering-grants.ts';
import { USES_COMPARED } from './limits.ts';
import { momentOf } from './moment.ts';
import type { Question } from './question.ts';
import type { Asking, Use } from './uses.ts';

/**
 * Takes the use that an answer takes, and resolves to the grant by which the question may be permitted: the answer's, when it may be given
 * as it is; another, which counted the use before and is to be asked first; undefined when the answer's is of no use any more. A rehearsal
 * uses nothing.
 * @throws AccessError USE_NOT_ACKNOWLEDGED
 */
export async function takeUse(
  context: DecisionContext,
  asking: Asking,
  question: Question,
  { settled: { grant }, decidedAt }: Answer,
): Promise<string | undefined> {
  const { uses } = context;
  const noting = grant?.noting;
  if (noting === undefined || question.dryRun || question.explain) return grant?.id;
  const need = acknowledgementOf(noting, uses.lastUsedAt(noting), decidedAt);
  if (need === 'none') {
    uses.note(noting.id, decidedAt, asking);
    return noting.id;
  }
  try {
    return await uses.acknowledge(useOf(context, question, noting), asking);
  } catch (error) {
    if (need === 'wished' && isNotAcknowledged(error)) return noting.id;
    throw error;
  }
}

/** A call without a name for its use is a use of its own. */
function useOf(
  { followed: { replica, clock }, staleStandingMs }: DecisionContext,
  question: Question,
  { id: grantId }: LiveGrant,
): Use {
  const { useId, counted = [] } = question;
  if (useId === '') return { grantId, useId: randomUUID(), otherIds: [] };
  const otherIds = coveringGrants(replica, question, momentOf(clock, staleStandingMs))
    .filter(({ id, usesLeft }) => usesLeft !== undefined && id !== grantId && !counted.includes(id))
    .map(({ id }) => id);
  return { grantId, useId, otherIds: otherIds.slice(0, USES_COMPARED) };
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
