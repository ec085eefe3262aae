import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type AuthorizeResponse,
  AuthorizeResponseSchema,
  Effect,
  type GetStatusResponseSchema,
  type WatchChangesResponseSchema,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { AccessOption } from './access-options.ts';
import type { Answer } from './answer.ts';
import type { Told } from './changes/watch-changes.ts';
import type { Status } from './get-status.ts';
import { BATCH_QUESTIONS, MESSAGE_BYTES, QUESTION_BYTES, STALENESS_BOUND_MS } from './limits.ts';

/** @param explain whether errors carry their text, which may quote what policies read */
export function toResponse(answer: Answer, explain: boolean): AuthorizeResponse {
  const { settled, decidedAt } = answer;
  const { grant, validUntil, policyIds, advice, errors, stops } = settled;
  return create(AuthorizeResponseSchema, {
    effect: settled.effect === 'ALLOW' ? Effect.ALLOW : Effect.DENY,
    decisionId: answer.decisionId,
    grantId: grant?.id ?? '',
    policyIds: [...policyIds],
    advice: [...advice],
    errors: errors.map(({ policyId, message }) => (explain ? `${policyId}: ${message}` : policyId)),
    ...(validUntil === undefined
      ? {}
      : {
          validUntil: timestampFromDate(validUntil),
          validFor: durationFromMs(validUntil.getTime() - decidedAt.getTime()),
        }),
    revision: answer.revision,
    policyDigest: answer.policyDigest,
    stale: answer.stale,
    decidedAt: timestampFromDate(decidedAt),
    accessOptions: answer.accessOptions.map(toAccessOption),
    mayBeKept: answer.mayBeKept,
    lockIds: [...new Set(stops.map(({ lock }) => lock.id))],
  });
}

function toAccessOption({ workflow, title, steps, maxMs, defaultMs }: AccessOption) {
  return {
    workflow,
    title,
    steps: [...steps],
    maxDuration: durationFromMs(maxMs),
    defaultDuration: durationFromMs(defaultMs),
  };
}

export function toStatusResponse(
  status: Status,
  staleStandingMs: number,
): MessageInitShape<typeof GetStatusResponseSchema> {
  const { stalenessMs } = status;
  return {
    revision: status.revision,
    ...(stalenessMs === undefined ? {} : { staleness: durationFromMs(Math.round(stalenessMs)) }),
    policyDigest: status.policyDigest,
    refusedPolicyDigest: status.refusedPolicyDigest,
    liveGrants: BigInt(status.liveGrants),
    ready: status.ready,
    limits: {
      messageBytes: MESSAGE_BYTES,
      questionBytes: QUESTION_BYTES,
      batchQuestions: BATCH_QUESTIONS,
      stalenessBound: durationFromMs(STALENESS_BOUND_MS),
      staleStanding: durationFromMs(staleStandingMs),
    },
    epoch: status.epoch,
  };
}

export function toWatchResponse(told: Told): MessageInitShape<typeof WatchChangesResponseSchema> {
  if (told.kind === 'heartbeat') {
    const { revision, policyDigest, pollAgeMs, elapsedMs } = told;
    const value = {
      revision,
      policyDigest,
      pollAge: durationFromMs(pollAgeMs),
      elapsed: durationFromMs(elapsedMs),
      stalenessBound: durationFromMs(STALENESS_BOUND_MS),
    };
    return { event: { case: 'heartbeat', value } };
  }
  const { revision, named } = told.change;
  const value = named === 'all' ? { revision, all: true } : { revision, entities: [...named.values()] };
  return { event: { case: 'change', value } };
}
