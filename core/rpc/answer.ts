import { once } from 'node:events';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import type { Logger } from '../runtime/log.ts';
import type { Admission, Work } from './admission.ts';
import { decode, encode } from './messages.ts';
import type { CallContext, RouteMethod } from './route.ts';
import { callOf } from './served-call.ts';
import { ServedContext } from './served-context.ts';
import { GrpcRequest, type ServedRequest } from './served-request.ts';
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
type UnaryMethod = RouteMethod & { readonly kind: 'unary' | 'in_bytes' };
type StreamMethod = RouteMethod & { readonly kind: 'server_streaming' };

/** Takes the answer to one call: one of the two is called, once. */
export interface Reply {
  succeed(response: Buffer): void;
  /** With the call's fault, or ours, which has been logged. */
  fail(error: unknown): void;
}

/** Answers one call of a method, at once or later. */
export type AnswerCall = (request: ServedRequest, reply: Reply) => void;

/** Answers calls of a unary method, whichever way they come. */
export function answerCalls(method: UnaryMethod, answering: Answering): AnswerCall {
  const answer = method.kind === 'in_bytes' ? method.answer : inMessages(method, answering);
  const admission = answering.admissionOf(method.desc);
  return (request, reply) => {
    let work: Work;
    try {
      work = admission?.begin(request.deadlineMs - Date.now()) ?? unweighed;
    } catch (error) {
      return reply.fail(error); // it was not let in
    }
    const context = new ServedContext(request, work);
    const end = (): void => {
      context.close();
      work.end();
    };
    const succeed = (response: Uint8Array): void => {
      end();
      reply.succeed(asBuffer(response));
    };
    const fail = (error: unknown): void => {
      logFault(error, method, context, answering);
      end();
      reply.fail(error);
    };
    let answered: ReturnType<typeof answer>;
    try {
      answered = answer(request.message, context);
    } catch (error) {
      return fail(error);
    }
    if (answered instanceof Promise) answered.then(succeed, fail);
    else succeed(answered);
  };
}

/** A grpc-js handler for a unary method. */
export function answerUnary(answer: AnswerCall) {
  return (call: Unary, callback: sendUnaryData<Buffer>): void => {
    const reply: Reply = {
      succeed: (response) => callback(null, response),
      fail: (error) => callback(toStatusObject(error)),
    };
    callOf(call.metadata).observed.within(() => answer(new GrpcRequest(call), reply));
  };
}

/** Between messages and their bytes. */
function inMessages(
  method: UnaryMethod & { readonly kind: 'unary' },
  answering: Answering,
): (request: Buffer, context: CallContext) => Promise<Uint8Array> {
  return async (request, context) => {
    const message = open(method, request, answering);
    return encode(method.desc.output, await method.answer(message, context));
  };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A grpc-js handler for a server streaming method. */
export function answerStream(method: StreamMethod, answering: Answering) {
  return (call: Stream): void => {
    const { closing } = answering;
    const context = new ServedContext(new GrpcRequest(call), unweighed);
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

const unweighed: Work = { weigh: () => undefined, end: () => undefined };

interface Streamed {
  readonly call: Stream;
  readonly context: CallContext;
  readonly signal: AbortSignal;
  readonly answering: Answering;
}

async function sendAll(method: StreamMethod, { call, context, signal, answering }: Streamed): Promise<void> {
  const request = open(method, call.request, answering);
  for await (const response of method.answer(request, context)) {
    signal.throwIfAborted();
    if (!call.write(asBuffer(encode(method.desc.output, response)))) {
      await once(call, 'drain', { signal });
    }
  }
  signal.throwIfAborted();
}

function open({ desc }: RouteMethod, request: Uint8Array, { validate }: Answering): Message {
  const message = decode(desc.input, request);
  validate?.(desc.input, message);
  return message;
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
