import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { guarded } from '../../core/store/database-error.ts';
import { send } from '../../core/store/statement.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import { AccessRequestSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { RequestAccessResponseSchema } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { pendingAlready } from './pending-already.ts';
import { roomFor, tooManyOpen } from './open-limits.ts';
import { type Asked, planRequest, unanswerable } from './plan-request.ts';
import { owes } from './request-access.ts';
import { presentRequest, type Showing } from './present.ts';
import { boundedSearch, surveyReviewers } from './reviewers.ts';
import { factsOf, isPermitted } from './rights.ts';

/**
 * What a request would be: workflows, steps, who could fill each, and what the requester should know. It writes nothing. What would be
 * refused though the rest can be shown is a warning: a reason or ticket that a workflow does not take, a step that nobody can fill.
 * @throws AccessError of `planRequest`
 */
export async function previewRequest(
  context: GrantContext,
  asked: Asked,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof RequestAccessResponseSchema>> {
  await catchUp(context);
  const { replica } = context.followed;
  const showing = { replica, caller: asked.requester, now: clockOfReads(context) };
  const refusals: AccessError[] = [];
  const standing = { now: showing.now, owesReview: await owes(context.database, replica, asked) };
  const request = planRequest(replica, asked, standing, (error) => refusals.push(error));
  const search = boundedSearch(showing.now, signal);
  const shown = create(AccessRequestSchema, presentRequest(showing, request, 0n));
  shown.id = '';
  shown.requestHash = new Uint8Array();
  shown.allowedActions = [];
  for (const item of shown.items) item.allowedActions = [];
  for (const item of request.items) {
    const { people, unanswerable: step } = await surveyReviewers(replica, request, item, search);
    if (step !== undefined) refusals.push(unanswerable(item, step));
    const isNaming = mayName(showing, request, item);
    for (const each of shown.items[item.item]?.steps ?? []) {
      const found = people.get(each.name) ?? [];
      each.candidates = found.length;
      if (isNaming) each.candidatePeople = found.map(toProtoUid);
    }
  }
  const full = await fullAlready(context, request);
  if (full !== undefined) refusals.push(full);
  const pending = await pendingAlready(context, showing, request);
  const warnings = [
    ...new Set(refusals.map(({ message }) => `it would be refused: ${message}`)),
    ...pending,
    ...request.items.flatMap((item) => held(showing, request, item)),
    ...(search.budget.left <= 0 ? [TOO_MANY_PEOPLE] : []),
  ];
  return { request: shown, revision: 0n, warnings };
}

/** Whether as much is open already as may be. */
async function fullAlready({ database }: GrantContext, request: AccessRequest) {
  const room = roomFor(request);
  if (room.counting.length > 0) await guarded(() => send(database, ...room.counting));
  return tooManyOpen(room);
}

const TOO_MANY_PEOPLE =
  'not everybody in the directory was examined: there may be more reviewers than counted';

/** Whether the caller may know who reviews such requests, not only how many could. */
function mayName(showing: Showing, request: AccessRequest, item: RequestItem): boolean {
  const { replica, caller: principal, now } = showing;
  return (
    mayView(showing, request, item) ||
    (['audit', 'administer'] as const).some((right) =>
      isPermitted(replica, { right, principal, resource: SYSTEM, now }),
    )
  );
}

/** What the subject holds already, told to whoever may know it. */
function held(showing: Showing, request: AccessRequest, item: RequestItem): string[] {
  const { replica, caller, now } = showing;
  if (!sameUid(caller, request.subject) && !mayView(showing, request, item)) return [];
  return item.actions.flatMap((action) => {
    const [longest] = replica.grants.covering({
      principal: request.subject,
      action,
      resource: item.resource,
      directory: replica.directory,
      late: now,
    });
    if (longest === undefined) return [];
    const until = longest.expiresAt.toISOString();
    const holds = holder(caller, request.subject);
    return [`${holds} ${formatUid(action)} on ${formatUid(item.resource)} until ${until}`];
  });
}

function holder(caller: EntityUid, subject: EntityUid): string {
  return sameUid(caller, subject) ? 'you already hold' : `${formatUid(subject)} already holds`;
}

function mayView({ replica, caller, now }: Showing, request: AccessRequest, item: RequestItem): boolean {
  return isPermitted(replica, {
    right: 'view',
    principal: caller,
    resource: item.resource,
    now,
    request: factsOf(request, item),
  });
}
