import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Handlers } from '../../core/rpc/route.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type {
  GrantService,
  UseGrantResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { activateGrant } from './activate-grant.ts';
import type { GrantContext } from './context.ts';
import { releaseGrant } from './end-grant.ts';
import { askToExtend } from './extend-grant.ts';
import { getGrant, listGrantsOf } from './list-grants.ts';
import { callKeyOf, extensionOf, usesOf } from './read-message.ts';
import { reportUses } from './report-uses.ts';
import { revokeGrants } from './revoke-grants.ts';
import { showGrant, showRequest } from './show.ts';
import { type UseAnswer, useGrant } from './use-grant.ts';

type AboutGrants =
  | 'getGrant'
  | 'listGrants'
  | 'activateGrant'
  | 'extendGrant'
  | 'useGrant'
  | 'reportGrantUses'
  | 'releaseGrant'
  | 'revokeGrants';

/** Messages about grants. */
export function grantHandlers(
  context: GrantContext,
  log: Pick<Logger, 'error'>,
): Pick<Handlers<typeof GrantService>, AboutGrants> {
  return {
    async getGrant({ id }, { caller }) {
      return { grant: await showGrant(context, caller.uid, await getGrant(context, id, caller.uid)) };
    },
    async listGrants(message, { caller, signal }) {
      return await listGrantsOf(context, message, { caller: caller.uid, signal });
    },
    async activateGrant({ id }, { caller }) {
      const { result, revision } = await activateGrant(context, id, caller.uid);
      return { grant: await showGrant(context, caller.uid, result), revision };
    },
    async extendGrant(message, { caller, signal }) {
      const extension = extensionOf(message, caller.uid);
      const { result, revision } = await askToExtend(context, extension, {
        callKey: callKeyOf(message),
        signal,
      });
      return {
        request: await showRequest(context, caller.uid, result),
        grant: await showGrant(context, caller.uid, await getGrant(context, message.id, caller.uid)),
        revision,
      };
    },
    async useGrant({ id: grantId, useId, otherIds }, { caller }) {
      const use = { grantId, useId, otherIds, caller: caller.uid };
      const { result, revision } = await useGrant(context, use);
      return showUse(result, revision);
    },
    async reportGrantUses(message, { caller }) {
      await reportUses(context, usesOf(message), caller.uid);
      return {};
    },
    async releaseGrant({ id }, { caller }) {
      const { result, revision } = await releaseGrant(context, id, caller.uid);
      return { grant: await showGrant(context, caller.uid, result), revision };
    },
    async revokeGrants(message, { caller, deadline, signal }) {
      return await revokeGrants(context, message, { caller: caller.uid, deadline, signal, log });
    },
  };
}

function showUse(answer: UseAnswer, revision: bigint): MessageInitShape<typeof UseGrantResponseSchema> {
  if (answer.kind === 'counted-by') return { countedBy: answer.grantId };
  const { startsAt, expiresAt, usesLeft } = answer;
  return {
    startsAt: timestampFromDate(startsAt),
    expiresAt: timestampFromDate(expiresAt),
    ...(usesLeft === undefined ? {} : { usesLeft }),
    revision,
  };
}
