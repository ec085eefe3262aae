import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { standingOf } from '../../core/access/grant.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import { firstRevisions, listGrants, readGrant, type RecordedGrant } from '../../core/store/grants.ts';
import type { GrantState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type {
  ListGrantsRequest,
  ListGrantsResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { grantNotFound, maySeeGrant } from './end-grant.ts';
import { inTurns } from './give-way.ts';
import { nextPageToken, readPage } from './page-token.ts';
import type { Showing } from './present.ts';
import { presentGrant, toProtoGrantState } from './present-grant.ts';
import { scan } from './scan.ts';

/** Reads a grant that the caller may see. @throws AccessError GRANT_NOT_FOUND */
export async function getGrant(context: GrantContext, id: string, caller: EntityUid): Promise<RecordedGrant> {
  await catchUp(context);
  const row = await readGrant(context.database, id);
  if (row === undefined || !maySeeGrant(context.followed.replica, row.grant, caller, clockOfReads(context)))
    throw grantNotFound(id);
  return row;
}

/** Grants that the caller may see, newest first. @throws AccessError */
export async function listGrantsOf(
  context: GrantContext,
  message: ListGrantsRequest,
  { caller, signal }: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<MessageInitShape<typeof ListGrantsResponseSchema>> {
  const subject =
    message.subject === undefined ? undefined : uidKey(fromProtoUid(message.subject, 'subject'));
  await catchUp(context);
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const showing: Showing = { replica, caller, now };
  const stateOf = (row: RecordedGrant): GrantState =>
    toProtoGrantState(standingOf(row.recorded, row.grant, now));
  const { found, next } = await scan(
    readPage(message),
    async ({ before, size }) => {
      const rows = await listGrants(context.database, { before, size, subject });
      return { rows, isLast: rows.length < size };
    },
    {
      positionOf: (row) => row.position,
      isWanted: (row) =>
        (message.states.length === 0 || message.states.includes(stateOf(row))) &&
        maySeeGrant(replica, row.grant, caller, now),
      signal,
    },
  );
  const revisions = await firstRevisions(context.database, { grantIds: found.map((row) => row.grant.id) });
  const grants = await inTurns(found, signal, (row) =>
    presentGrant(showing, row, revisions.get(row.grant.id) ?? 0n),
  );
  return { grants, nextPageToken: nextPageToken(next), now: timestampFromDate(now) };
}
