import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AuthorizeResponseSchema, Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from './answer.ts';
import type { Kept } from './memo.ts';
import { toResponse } from './to-response.ts';

/**
 * An answer as `AuthorizeResponse`. What the answers of one kept decision have in common is encoded once, and what is each one's own is put
 * behind it: the fields of a message may come in any order.
 */
export function answerBytes(answer: Answer, explain: boolean): Uint8Array {
  const { kept } = answer;
  if (kept === undefined) return toBinary(AuthorizeResponseSchema, toResponse(answer, explain));
  kept.encoded ??= commonBytes(kept, answer);
  const writer = new Writer(kept.encoded);
  writer.text(FIELD.decisionId, answer.decisionId);
  writer.number(FIELD.revision, Number(answer.revision));
  const decidedMs = answer.decidedAt.getTime();
  writer.secondsAndNanos(FIELD.decidedAt, decidedMs);
  if (answer.validUntil !== undefined)
    writer.secondsAndNanos(FIELD.validFor, answer.validUntil.getTime() - decidedMs);
  if (answer.mayBeKept) writer.number(FIELD.mayBeKept, 1);
  return writer.finish();
}

/** It is kept only when it is fresh, explained to nobody, without errors and stopped by no lock. */
function commonBytes({ settled }: Kept, { policyDigest }: Answer): Uint8Array {
  const { effect, grant, policyIds, advice, validUntil } = settled;
  return toBinary(
    AuthorizeResponseSchema,
    create(AuthorizeResponseSchema, {
      effect: effect === 'ALLOW' ? Effect.ALLOW : Effect.DENY,
      grantId: grant?.id ?? '',
      policyIds: [...policyIds],
      advice: [...advice],
      ...(validUntil === undefined ? {} : { validUntil: timestampFromDate(validUntil) }),
      policyDigest,
    }),
  );
}

const { field } = AuthorizeResponseSchema;
const FIELD = {
  decisionId: field.decisionId.number,
  revision: field.revision.number,
  decidedAt: field.decidedAt.number,
  validFor: field.validFor.number,
  mayBeKept: field.mayBeKept.number,
} as const;

/** Of Timestamp and Duration alike. */
const SECONDS = 1;
const NANOS = 2;
const VARINT = 0;
const DELIMITED = 2;
/** More than what is each answer's own comes to. */
const MOST_OWN_BYTES = 128;

/** Writes what there is of the wire format in an answer, behind what is there already; its numbers are whole and not negative. */
class Writer {
  readonly #bytes: Buffer;
  #at: number;

  constructor(before: Uint8Array) {
    this.#bytes = Buffer.allocUnsafe(before.length + MOST_OWN_BYTES);
    this.#bytes.set(before);
    this.#at = before.length;
  }

  /** Of ASCII, and shorter than 128. */
  text(no: number, text: string): void {
    this.#tag(no, DELIMITED);
    this.#varint(text.length);
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  number(no: number, value: number): void {
    if (value === 0) return;
    this.#tag(no, VARINT);
    this.#varint(value);
  }

  /** A Timestamp or a Duration of so many milliseconds. */
  secondsAndNanos(no: number, ms: number): void {
    this.#tag(no, DELIMITED);
    const lengthAt = this.#at++;
    this.number(SECONDS, Math.floor(ms / 1_000));
    this.number(NANOS, (ms % 1_000) * 1_000_000);
    this.#bytes[lengthAt] = this.#at - lengthAt - 1;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #tag(no: number, type: number): void {
    this.#varint(no * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) + 128;
    this.#bytes[this.#at++] = rest;
  }
}
