import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import { type Route, route } from '../../core/rpc/route.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import { fromProtoEntity, toProtoEntity } from '../../core/rpc/values.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { applyEntities } from './apply-entities.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { removeEntities } from './delete-entities.ts';
import { createEntityPages } from './entity-pages.ts';
import { requireSystemRight } from './rights.ts';

const DEFAULT_SIZE = 50;

/** The directory API over the use cases and the replica. */
export function directoryRoutes(context: GrantContext): Route {
  const { replica } = context.followed;
  const pages = createEntityPages(replica);
  return route(DirectoryService, {
    async applyEntities(message, { caller }) {
      const entities = message.entities.map((entity, index) => fromProtoEntity(entity, `entities[${index}]`));
      const input = { entities, allowReuse: message.allowReuse };
      const { result, revision } = await applyEntities(context, caller.uid, input);
      return {
        changed: result.changed,
        endedGrantIds: [...result.endedGrantIds],
        revision: revision === 0n ? replica.basisRevision : revision,
      };
    },
    async deleteEntities(message, { caller }) {
      const uids = message.uids.map((uid, index) => fromProtoUid(uid, `uids[${index}]`));
      const { result, revision } = await removeEntities(context, caller.uid, distinct(uids));
      return {
        revision,
        endedGrantIds: [...result.endedGrantIds],
        withdrawnRequestIds: [...result.withdrawnRequestIds],
        unvotedRequestIds: [...result.unvotedRequestIds],
      };
    },
    async getEntity(message, { caller }) {
      await catchUp(context);
      const uid = message.uid === undefined ? caller.uid : fromProtoUid(message.uid, 'uid');
      if (!sameUid(uid, caller.uid)) requireReader(context, caller.uid);
      const entity = replica.directory.get(uid);
      if (entity === undefined)
        throw new AccessError('ENTITY_NOT_FOUND', `uid: the directory does not have ${formatUid(uid)}`);
      return { entity: toProtoEntity(entity) };
    },
    async listEntities(message, { caller }) {
      await catchUp(context);
      requireReader(context, caller.uid);
      const size = message.pageSize === 0 ? DEFAULT_SIZE : message.pageSize;
      const after = readToken(message.pageToken);
      const { entities, next } = await pages({ type: message.type, after, size });
      return { entities: entities.map(toProtoEntity), nextPageToken: writeToken(next) };
    },
  });
}

function requireReader(context: GrantContext, caller: EntityUid): void {
  requireSystemRight(context.followed.replica, caller, ['audit', 'administer'], clockOfReads(context));
}

function distinct(uids: readonly EntityUid[]): readonly EntityUid[] {
  return [...new Map(uids.map((uid) => [uidKey(uid), uid])).values()];
}

function writeToken(after: string | undefined): string {
  return after === undefined ? '' : Buffer.from(`after:${after}`, 'utf8').toString('base64url');
}

function readToken(token: string): string {
  if (token === '') return '';
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (text.startsWith('after:')) return text.slice('after:'.length);
  throw fieldError(
    'page_token',
    `seen ${JSON.stringify(token.slice(0, 80))}, wanted the next_page_token of the page before`,
  );
}
