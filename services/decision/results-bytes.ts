import { toBinary } from '@bufbuild/protobuf';
import { toRpcStatus } from '../../core/rpc/status.ts';
import {
  AuthorizeResponseSchema,
  BatchAuthorizeResponseSchema,
  BatchAuthorizeResultSchema,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.ts';
import type { Answer } from './answer.ts';
import { commonBytes, isOrdinary, MOST_OWN_BYTES, writeOwn } from './answer-bytes.ts';
import type { Result } from './batch-authorize.ts';
import { toResponse } from './to-response.ts';
import { MOST_AHEAD_BYTES, WireWriter } from './wire-writer.ts';

/**
 * The results as `BatchAuthorizeResponse`, written once and in one piece: an answer of a batch takes a microsecond or two, of which copying
 * it from message to message would be half.
 * @param isExplained whether the errors of the result at that place carry their text
 */
export function resultsBytes(
  results: readonly Result[],
  isExplained: (index: number) => boolean,
): Uint8Array {
  const parts = results.map((result, index) => partOf(result, isExplained(index)));
  const mostBytes = parts.reduce((sum, { common }) => sum + common.length + MOST_PART_BYTES, 0);
  const writer = new WireWriter(mostBytes);
  const own = new WireWriter(MOST_OWN_BYTES);
  for (const { no, common, answer } of parts) {
    own.restart();
    if (answer !== undefined) writeOwn(own, answer);
    const sizeBytes = common.length + own.length;
    writer.field(RESULTS, sizeBytes + aheadBytesOf(sizeBytes));
    writer.field(no, sizeBytes);
    writer.encoded(common);
    writer.allOf(own);
  }
  return writer.finish();
}

const RESULTS = BatchAuthorizeResponseSchema.field.results.number;
const { response: RESPONSE, status: STATUS } = BatchAuthorizeResultSchema.field;
const MOST_PART_BYTES = MOST_OWN_BYTES + 2 * MOST_AHEAD_BYTES;

/** One result, as far as it is encoded. */
interface Part {
  /** Of its field in `BatchAuthorizeResult`. */
  readonly no: number;
  /** Each byte is one character. */
  readonly common: string;
  /** Whose own is to be put behind it. */
  readonly answer?: Answer;
}

function partOf(result: Result, isExplained: boolean): Part {
  if (result.kind === 'error')
    return { no: STATUS.number, common: textOf(toBinary(StatusSchema, toRpcStatus(result.error))) };
  const { answer } = result;
  if (isOrdinary(answer)) return { no: RESPONSE.number, common: commonBytes(answer), answer };
  return {
    no: RESPONSE.number,
    common: textOf(toBinary(AuthorizeResponseSchema, toResponse(answer, isExplained))),
  };
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** How many are in front of a field of so many. */
function aheadBytesOf(sizeBytes: number): number {
  let count = 2;
  for (let rest = sizeBytes; rest >= 128; rest = Math.floor(rest / 128)) count += 1;
  return count;
}
