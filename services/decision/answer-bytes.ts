import { toBinary } from '@bufbuild/protobuf';
import { AuthorizeResponseSchema, Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from './answer.ts';
import type { Settled } from './memo.ts';
import { toResponse } from './to-response.ts';
import { mostBytesOf, WireWriter } from './wire-writer.ts';

/**
 * An answer as `AuthorizeResponse`. What the answers of one kept decision have in common is encoded once, and what is each one's own is put
 * behind it: the fields of a message may come in any order.
 */
export function answerBytes(answer: Answer, explain: boolean): Uint8Array {
  if (!isOrdinary(answer)) return toBinary(AuthorizeResponseSchema, toResponse(answer, explain));
  const common = commonBytes(answer);
  const writer = new WireWriter(common.length + MOST_OWN_BYTES);
  writer.encoded(common);
  writeOwn(writer, answer);
  return writer.finish();
}

/** Whether all that it says is what is encoded here, as nearly all answers do: protobuf's own way costs ten times as much. */
export function isOrdinary({ settled, stale, accessOptions, decidedAt }: Answer): boolean {
  const { errors, stops, validUntil } = settled;
  const isPlain = !stale && errors.length === 0 && stops.length === 0 && accessOptions.length === 0;
  return isPlain && (validUntil === undefined || validUntil.getTime() >= decidedAt.getTime());
}

/** What all answers have in common that an ordinary answer's decision gives; each byte is one character, for a text takes far less memory than bytes do. */
export function commonBytes({ kept, settled, policyDigest }: Answer): string {
  if (kept === undefined) return encodeCommon(settled, policyDigest);
  kept.encoded ??= encodeCommon(settled, policyDigest);
  return kept.encoded;
}

function encodeCommon(
  { effect, grant, policyIds, advice, validUntil }: Settled,
  policyDigest: string,
): string {
  const grantId = grant?.id ?? '';
  const texts = [grantId, policyDigest, ...policyIds, ...advice];
  const mostBytes = texts.reduce((sum, text) => sum + mostBytesOf(text), MOST_OWN_BYTES);
  const writer = new WireWriter(mostBytes);
  writer.number(FIELD.effect, effect === 'ALLOW' ? Effect.ALLOW : Effect.DENY);
  writer.text(FIELD.grantId, grantId);
  writer.texts(FIELD.policyIds, policyIds);
  writer.texts(FIELD.advice, advice);
  if (validUntil !== undefined) writer.secondsAndNanos(FIELD.validUntil, validUntil.getTime());
  writer.text(FIELD.policyDigest, policyDigest);
  return writer.finishText();
}

/** Writes what is this answer's own. */
export function writeOwn(writer: WireWriter, answer: Answer): void {
  const { validUntil } = answer.settled;
  const decidedMs = answer.decidedAt.getTime();
  writer.word(FIELD.decisionId, answer.decisionId);
  writer.number(FIELD.revision, Number(answer.revision));
  writer.secondsAndNanos(FIELD.decidedAt, decidedMs);
  if (validUntil !== undefined) writer.secondsAndNanos(FIELD.validFor, validUntil.getTime() - decidedMs);
  if (answer.mayBeKept) writer.number(FIELD.mayBeKept, 1);
}

/** More than what is each answer's own comes to. */
export const MOST_OWN_BYTES = 192;

const { field } = AuthorizeResponseSchema;
const FIELD = {
  effect: field.effect.number,
  decisionId: field.decisionId.number,
  grantId: field.grantId.number,
  policyIds: field.policyIds.number,
  advice: field.advice.number,
  validUntil: field.validUntil.number,
  validFor: field.validFor.number,
  revision: field.revision.number,
  policyDigest: field.policyDigest.number,
  decidedAt: field.decidedAt.number,
  mayBeKept: field.mayBeKept.number,
} as const;
