import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Route, route } from '../../core/rpc/route.ts';
import { type LedgerRecord, listEvents } from '../../core/store/events.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { nextPageToken, readPage } from './page-token.ts';
import { reportApprovalPairs } from './report-approval-pairs.ts';
import { requireSystemRight } from './rights.ts';
import { verifyAlone, type VerifyLedger } from './verify-alone.ts';
import type { EntityUid } from '../../core/access/entity.ts';

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
    async reportApprovalPairs(message, { caller, signal }) {
      await requireAuditor(caller.uid);
      return await reportApprovalPairs(context, message, signal);
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
