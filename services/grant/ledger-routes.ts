import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toProtoUid } from '../../core/rpc/uid.ts';
import { type Route, route } from '../../core/rpc/route.ts';
import { type ApprovalPair, countApprovalPairs } from '../../core/store/approval-pairs.ts';
import { type LedgerRecord, listEvents } from '../../core/store/events.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { nextPageToken, readPage } from './page-token.ts';
import { requireSystemRight } from './rights.ts';
import { verifyAlone, type VerifyLedger } from './verify-alone.ts';
import type { EntityUid } from '../../core/access/entity.ts';

const DEFAULT_PAIRS = 50;
const DEFAULT_WITHIN_MS = 30 * 86_400_000;

/** The ledger API, for auditors. */
export function ledgerRoutes(context: GrantContext, verify: VerifyLedger): Route {
  const alone = verifyAlone(verify);
  const requireAuditor = async (caller: EntityUid): Promise<void> => {
    await catchUp(context);
    requireSystemRight(context.followed.replica, caller, ['audit'], clockOfReads(context));
  };
  return route(LedgerService, {
    async listEvents(message, { caller }) {
      await requireAuditor(caller.uid);
      const { before, size } = readPage(message);
      const requestId = message.requestId === '' ? undefined : message.requestId;
      const grantId = message.grantId === '' ? undefined : message.grantId;
      const rows = await listEvents(context.database, { before, size: size + 1, requestId, grantId });
      const page = rows.slice(0, size);
      const last = rows.length > size ? page.at(-1)?.revision : undefined;
      return { events: page.map(presentEvent), nextPageToken: nextPageToken(last) };
    },
    async verifyLedger({ fromRevision }, { caller, signal }) {
      await requireAuditor(caller.uid);
      const found = await alone(fromRevision === 0n ? 1n : fromRevision, signal);
      return { ...found, headHash: new Uint8Array(found.headHash), faults: [...found.faults] };
    },
    async reportApprovalPairs({ within, pageSize, offset }, { caller }) {
      await requireAuditor(caller.uid);
      const size = pageSize === 0 ? DEFAULT_PAIRS : pageSize;
      const withinMs = within === undefined ? DEFAULT_WITHIN_MS : durationMs(within);
      const pairs = await countApprovalPairs(context.database, { withinMs, offset, size: size + 1 });
      const nextOffset = pairs.length > size ? offset + size : 0;
      return { pairs: pairs.slice(0, size).map(presentPair), nextOffset };
    },
  });
}

function presentEvent(row: LedgerRecord) {
  return {
    ...row,
    at: timestampFromDate(row.at),
    requestId: row.requestId ?? '',
    grantId: row.grantId ?? '',
    text: row.text ?? '',
    hash: new Uint8Array(row.hash),
  };
}

function presentPair({ approver, approved, lastAt, ...counts }: ApprovalPair) {
  return {
    ...counts,
    approver: toProtoUid(approver),
    approved: toProtoUid(approved),
    lastAt: timestampFromDate(lastAt),
  };
}
