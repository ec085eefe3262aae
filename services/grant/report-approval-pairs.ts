import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationMs, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { parseUidKey } from '../../core/access/entity.ts';
import { personOf } from '../../core/access/person.ts';
import { servicesOf } from '../../core/replica/owned-services.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import {
  type ActiveAccounts,
  type ApprovalPair,
  activeAccounts,
  type Behind,
  countApprovalPairs,
} from '../../core/store/approval-pairs.ts';
import type {
  ApprovalPairSchema,
  ReportApprovalPairsRequest,
  ReportApprovalPairsResponseSchema,
} from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import type { GrantContext } from './context.ts';
import { takeTurns } from './give-way.ts';
import { pageSize } from './page-token.ts';

const DEFAULT_WITHIN_MS = 30 * 86_400_000;

/** Who approves whose requests, by person. @throws AccessError */
export async function reportApprovalPairs(
  { database, followed }: GrantContext,
  message: ReportApprovalPairsRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ReportApprovalPairsResponseSchema>> {
  const { within, offset } = message;
  const size = pageSize(message);
  const withinMs = within === undefined ? DEFAULT_WITHIN_MS : durationMs(within);
  const asked = message.until === undefined ? undefined : timestampDate(message.until);
  const active = await activeAccounts(database, { withinMs, until: asked });
  const { until } = active;
  const behind = await peopleBehind(followed.replica, active, signal);
  const pairs = await countApprovalPairs(database, behind, { withinMs, until, offset, size: size + 1 });
  return {
    pairs: pairs.slice(0, size).map(presentPair),
    nextOffset: pairs.length > size ? offset + size : 0,
    until: timestampFromDate(until),
  };
}

/** For whom each account counts: one account stands for all of a person, and whoever answers for a service for it as well. */
async function peopleBehind(
  replica: Replica,
  { reviewers, parties }: ActiveAccounts,
  signal: AbortSignal,
): Promise<readonly Behind[]> {
  const giveWay = takeTurns();
  const standsFor = new Map<string, string>();
  const behind: Behind[] = [];
  for (const account of [...new Set([...reviewers, ...parties])].toSorted()) {
    await giveWay(signal);
    const person = personOf(replica.directory, parseUidKey(account));
    const first = standsFor.get(person) ?? account;
    standsFor.set(person, first);
    behind.push({ account, person: first, isOwn: true });
  }
  const asking = new Set(parties);
  for (const person of reviewers) {
    await giveWay(signal);
    const uid = parseUidKey(person);
    const first = standsFor.get(personOf(replica.directory, uid)) ?? person;
    for (const account of servicesOf(replica, uid))
      if (asking.has(account)) behind.push({ account, person: first, isOwn: false });
  }
  return behind;
}

function presentPair({
  approver,
  approved,
  lastAt,
  ...counts
}: ApprovalPair): MessageInitShape<typeof ApprovalPairSchema> {
  return {
    ...counts,
    approver: toProtoUid(approver),
    approved: toProtoUid(approved),
    lastAt: timestampFromDate(lastAt),
  };
}
