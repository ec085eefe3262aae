import { CurfewError, toValue } from '../../clients/sdk/index.ts';
import type { AuthorizeResponse } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { DecisionReplica } from './cluster.ts';
import { type Answer, type History, nowMs } from './history.ts';

export interface AskedAbout {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly atLeastRevision?: bigint;
  readonly isPoisoned?: boolean;
}

/** Twice this is no Long any more. */
const POISON = toValue(2n ** 62n);

/** Asks one replica and writes down what it answered. */
export async function ask(history: History, replica: DecisionReplica, about: AskedAbout): Promise<Answer> {
  const { principal, action, resource, atLeastRevision = 0n, isPoisoned = false } = about;
  const sentAt = Date.now();
  const sentMs = nowMs();
  const answer = await replica.ask
    .authorize({
      principal: { type: 'User', id: principal },
      action: { id: action },
      resource: { type: 'Database', id: resource },
      context: isPoisoned ? { rows: POISON } : {},
      atLeastRevision,
    })
    .then(decisionOf, errorOf);
  history.asked.push({
    replica: replica.name,
    principal,
    action,
    resource,
    atLeastRevision,
    isPoisoned,
    sentAt,
    sentMs,
    receivedMs: nowMs(),
    answer,
  });
  return answer;
}

function decisionOf({ effect, grantId, revision, decidedAt }: AuthorizeResponse): Answer {
  if (effect !== Effect.ALLOW && effect !== Effect.DENY) return { kind: 'error', reason: `effect ${effect}` };
  const ms = Number(decidedAt?.seconds ?? 0n) * 1_000 + Math.floor((decidedAt?.nanos ?? 0) / 1e6);
  return {
    kind: 'decision',
    effect: effect === Effect.ALLOW ? 'ALLOW' : 'DENY',
    grantId,
    revision,
    decidedAt: ms,
  };
}

function errorOf(error: unknown): Answer {
  const { code, reason = code } = CurfewError.from(error);
  return { kind: 'error', reason };
}
