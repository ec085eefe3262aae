import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { fieldError } from '../../core/access/access-error.ts';
import { decode } from '../../core/rpc/messages.ts';
import type { CallContext } from '../../core/rpc/route.ts';
import { isFault } from '../../core/rpc/status.ts';
import type { Logger } from '../../core/runtime/log.ts';
import {
  type AuthorizeRequest,
  AuthorizeRequestSchema,
  BatchAuthorizeRequestSchema,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from './answer.ts';
import { noteAnswered } from './answer-again.ts';
import type { DecisionContext } from './authorize.ts';
import { type Asked, batchAuthorize } from './batch-authorize.ts';
import { BATCH_EXPLAINED, BATCH_QUESTIONS } from './limits.ts';
import type { Kept } from './memo.ts';
import { checkQuestionSize, type Question, readQuestion } from './question.ts';
import { resultsBytes } from './results-bytes.ts';
import { askingOf } from './uses.ts';

/**
 * `BatchAuthorize`, from the encoded request to the encoded response: what is known of the questions is answered without looking into them.
 * @throws AccessError for lack of any answer
 */
export async function batchInBytes(
  context: DecisionContext,
  bytes: Uint8Array,
  call: CallContext,
  logger: Logger,
): Promise<Uint8Array> {
  const parts = partsOf(bytes);
  if (parts.length === 0 || parts.length > BATCH_QUESTIONS) {
    throw fieldError('requests', `seen ${parts.length}, wanted 1 to ${BATCH_QUESTIONS}`);
  }
  call.weigh(parts.length);
  const asked = parts.map((part, index) => new EncodedQuestion(context, part, index));
  const explained = asked.filter(({ explain }) => explain).length;
  if (explained > BATCH_EXPLAINED) {
    const seen = `seen ${explained} questions with explain`;
    throw fieldError('requests', `${seen}, wanted at most ${BATCH_EXPLAINED} in one batch`);
  }
  const results = await batchAuthorize(context, askingOf(call), asked);
  for (const result of results)
    if (result.kind === 'error' && isFault(result.error))
      logger.error({ err: result.error }, 'a question of a batch failed');
  return resultsBytes(results, (index) => asked[index]?.explain === true);
}

const { requests: REQUESTS } = BatchAuthorizeRequestSchema.field;

/** The encoded questions. @throws AccessError FIELD_INVALID when the bytes are no such message */
function partsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [no, type] = reader.tag();
      if (no === REQUESTS.number && type === WireType.LengthDelimited) parts.push(reader.bytes());
      else reader.skip(type, no);
    }
    return parts;
  } catch (error) {
    decode(BatchAuthorizeRequestSchema, bytes); // says what is wrong
    throw error;
  }
}

/** One question of a batch, as it came. */
class EncodedQuestion implements Asked {
  readonly known: Kept | undefined;
  /** Of what is known nothing is decoded; where it holds no more, it is. */
  readonly #request: AuthorizeRequest | undefined;
  readonly #bytes: Uint8Array;
  readonly #index: number;

  constructor({ memo }: DecisionContext, bytes: Uint8Array, index: number) {
    this.#bytes = bytes;
    this.#index = index;
    this.known = memo.known.find(bytes);
    this.#request = this.known === undefined ? decode(AuthorizeRequestSchema, bytes) : undefined;
  }

  get explain(): boolean {
    return this.#request?.explain === true;
  }

  read(): Question {
    const name = `requests[${this.#index}]`;
    checkQuestionSize(this.#bytes.length, name);
    return readQuestion(this.#request ?? decode(AuthorizeRequestSchema, this.#bytes), `${name}.`);
  }

  answered(context: DecisionContext, question: Question, answer: Answer): void {
    noteAnswered(context, this.#bytes, question, answer);
  }
}
