import { once } from 'node:events';
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import type { Logger } from '../runtime/log.ts';
import type { Admission, Work } from './admission.ts';
import type { CallContext, RouteMethod } from './route.ts';
import { callOf } from './served-call.ts';
import { ServedContext } from './served-context.ts';
import { isFault, toStatusObject } from './status.ts';
import type { ValidateMessage } from './validate.ts';

/** What answering needs beside the call. */
export interface Answering {
  readonly logger: Logger;
  /** Undefined where the route says that its requests are not checked against rules. */
  readonly validate: ValidateMessage | undefined;
  /** Aborted when the server closes; streams end then. */
  readonly closing: AbortSignal;
  /** What admits a method's calls; undefined for methods that are answered whatever there is to do. */
  readonly admissionOf: (method: DescMethod) => Admission | undefined;
}

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Stream = ServerWritableStream<Buffer, Buffer>;
type UnaryMethod = RouteMethod & { readonly kind: 'unary' };
type StreamMethod = RouteMethod & { readonly kind: 'server_streaming' };

/**
 * How deep messages may nest to be decoded at all. The deepest good request is at about 55; what lies between is decoded so that the
 * conversion of values can name the path that is too deep.
 */
const maxMessageDepth = 1_000;

/** A grpc-js handler for a unary method. */
export function answerUnary(method: UnaryMethod, answering: Answering) {
  return (call: Unary, callback: sendUnaryData<Buffer>): void => {
    callOf(call.metadata).observed.within(() => {
      void answerOnce(method, call, answering).then(
        (response) => callback(null, response),
        (error: unknown) => callback(toStatusObject(error)),
      );
    });
  };
}

/** A grpc-js handler for a server streaming method. */
export function answerStream(method: StreamMethod, answering: Answering) {
  return (call: Stream): void => {
    const { closing } = answering;
    const context = new ServedContext(call, unweighed);
    const { signal } = context;
    const close = (): void => context.abort(closingError());
    closing.addEventListener('abort', close, { once: true });
    if (closing.aborted) close();
    callOf(call.metadata).observed.within(() => {
      sendAll(method, { call, context, signal, answering })
        .then(
          () => call.end(),
          (error: unknown) => {
            const sent = closing.aborted ? closingError() : error;
            logFault(sent, method, context, answering);
            call.emit('error', toStatusObject(sent));
          },
        )
        .finally(() => closing.removeEventListener('abort', close));
    });
  };
}

async function answerOnce(method: UnaryMethod, call: Unary, answering: Answering): Promise<Buffer> {
  const work =
    answering.admissionOf(method.desc)?.begin(Number(call.getDeadline()) - Date.now()) ?? unweighed;
  const context = new ServedContext(call, work);
  try {
    const request = open(method, call, answering);
    return encode(method.desc.output, await method.answer(request, context));
  } catch (error) {
    logFault(error, method, context, answering);
    throw error;
  } finally {
    context.close();
    work.end();
  }
}

const unweighed: Work = { weigh: () => undefined, end: () => undefined };

interface Streamed {
  readonly call: Stream;
  readonly context: CallContext;
  readonly signal: AbortSignal;
  readonly answering: Answering;
}

async function sendAll(method: StreamMethod, { call, context, signal, answering }: Streamed): Promise<void> {
  const request = open(method, call, answering);
  for await (const response of method.answer(request, context)) {
    signal.throwIfAborted();
    if (!call.write(encode(method.desc.output, response))) {
      await once(call, 'drain', { signal });
    }
  }
  signal.throwIfAborted();
}

function open({ desc }: RouteMethod, { request }: Unary | Stream, { validate }: Answering): Message {
  const message = decode(desc.input, request);
  validate?.(desc.input, message);
  return message;
}

function decode(desc: DescMessage, bytes: Buffer): Message {
  try {
    return fromBinary(desc, bytes, { readUnknownFields: false, recursionLimit: maxMessageDepth });
  } catch (cause) {
    const seen = cause instanceof Error ? cause.message : 'unreadable bytes';
    const message = `the request is no well-formed ${desc.typeName}: ${seen}; strings must be UTF-8`;
    throw new AccessError('FIELD_INVALID', message, { cause });
  }
}

function encode(desc: DescMessage, response: Record<string, unknown>): Buffer {
  const bytes = toBinary(desc, create(desc, response));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function closingError(): AccessError {
  return new AccessError('NOT_READY', 'this server is shutting down; call again');
}

/** What fails because nobody waits any more is no fault. */
function logFault(
  error: unknown,
  { desc }: RouteMethod,
  context: Pick<ServedContext, 'isGivenUp'>,
  { logger }: Answering,
): void {
  if (isFault(error) && !context.isGivenUp) {
    logger.error({ err: error, rpc: `${desc.parent.typeName}/${desc.name}` }, 'call failed');
  }
}
