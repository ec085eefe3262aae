import { randomUUID } from 'node:crypto';
import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { standingOf } from '../../core/access/grant.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { workflowById } from '../../core/policy/policy-set.ts';
import { beginningOf } from '../../core/replica/eligible.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { readGrant, type RecordedGrant } from '../../core/store/grants.ts';
import { extensionRefusal } from './apply-extension.ts';
import { type CallKey, findMade } from './call-key.ts';
import { catchUp, clockOfReads, type Decided, type GrantContext } from './context.ts';
import { grantEnded, grantNotFound, maySeeGrant } from './end-grant.ts';
import { heldBack } from './locked.ts';
import type { Asked } from './plan-request.ts';
import { requestAccess } from './request-access.ts';

/** How much longer a grant is to last, and why. */
export interface AskedExtension {
  readonly grantId: string;
  readonly caller: EntityUid;
  readonly reason: string;
  /** The grant's if empty. */
  readonly ticket: string;
  /** The workflow's default if undefined. */
  readonly durationMs: number | undefined;
}

/**
 * Asks for a grant to last longer, by the workflow that gave it: a request of its own, approved at once when nobody need agree. Whether
 * the grant may last so long is decided again when everybody has agreed.
 * @throws AccessError GRANT_NOT_FOUND, NOT_PERMITTED, GRANT_ENDED, GRANT_STATE, EXTENSION_LIMIT, EXTENSION_PENDING, LOCKED and those of
 *   `requestAccess`
 */
export async function askToExtend(
  context: GrantContext,
  extension: AskedExtension,
  call: { readonly callKey: CallKey | undefined; readonly signal: AbortSignal },
): Promise<Decided<AccessRequest>> {
  await catchUp(context);
  const { grantId, caller } = extension;
  const row = await readGrant(context.database, grantId);
  const { replica } = context.followed;
  const now = clockOfReads(context);
  if (row === undefined || !maySeeGrant(replica, row.grant, caller, now)) throw grantNotFound(grantId);
  const { callKey } = call;
  const made =
    callKey === undefined ? undefined : await findMade(context.database, caller, 'request', callKey);
  // A repeated call gets its answer: what it made may be why it could not be made any more.
  if (made === undefined) requireExtendable(replica, row, extension, now);
  const asked = askedOf(row, extension);
  const { result, revision } = await requestAccess(context, asked, call);
  return { result: result.request, revision };
}

function requireExtendable(
  replica: Replica,
  { grant, recorded, maxMs }: RecordedGrant,
  { caller, durationMs }: AskedExtension,
  now: Date,
): void {
  if (!sameUid(caller, grant.subject) && !sameUid(caller, grant.requester)) {
    const holder = formatUid(grant.subject);
    throw new AccessError(
      'NOT_PERMITTED',
      `only its holder, ${holder}, and whoever asked for it extend a grant`,
    );
  }
  const standing = standingOf(recorded, grant, now);
  if (standing.state === 'ENDED') throw grantEnded(standing);
  if (standing.state !== 'ACTIVE') {
    const message = `the grant is ${standing.state}, an extension wants it ACTIVE; ask again when it has begun`;
    throw new AccessError('GRANT_STATE', message, { metadata: { state: standing.state } });
  }
  if (recorded.state === 'SCHEDULED' && beginningOf(replica, grant, now) === 'held')
    throw heldBack(replica, grant, now);
  const expiresAt = new Date(grant.expiresAt.getTime() + (durationMs ?? 0));
  // What the workflow of now does not take is refused with its limit when the request is planned.
  const takenMs = workflowById(replica.engine.policies, grant.workflow)?.maxMs ?? 0;
  const mostMs = (durationMs ?? 0) > takenMs ? Number.POSITIVE_INFINITY : maxMs;
  const refused = extensionRefusal(grant, mostMs, { extension: grant.extensions + 1, expiresAt });
  if (refused !== undefined)
    throw new AccessError('EXTENSION_LIMIT', `${refused}; ask for a grant of its own when it ends`);
}

function askedOf(
  { grant }: RecordedGrant,
  { grantId, caller, reason, ticket, durationMs }: AskedExtension,
): Asked {
  return {
    id: randomUUID(),
    requester: caller,
    subject: grant.subject,
    reason,
    ticket: ticket === '' ? grant.ticket : ticket,
    durationMs,
    startsAt: undefined,
    breakGlass: grant.terms.breakGlass,
    extends: { grantId, extension: grant.extensions + 1 },
    items: [{ resource: grant.resource, actions: grant.actions, workflow: grant.workflow }],
  };
}
