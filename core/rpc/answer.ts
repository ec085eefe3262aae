import { once } from 'node:events';
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import type { Metadata, sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import type { Logger } from '../runtime/log.ts';
import type { Admission, Work } from './admission.ts';
import type { CallContext, Caller, RouteMethod } from './route.ts';
import { isFault, toStatusObject } from './status.ts';
import type { ValidateMessage } from './validate.ts';

/** What answering needs beside the call. */
export interface Answering {
  readonly callerOf: (metadata: Metadata) => Caller;
  /** Runs the answering as a part of the call's trace. */
  readonly within: <T>(metadata: Metadata, work: () => T) => T;
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
    const cancel = abortOnCancel(call);
    answering.within(call.metadata, () => {
      answerOnce(method, { call, signal: cancel.signal, answering }).then(
        (response) => {
          cancel.forget();
          callback(null, response);
        },
        (error: unknown) => {
          logFault(error, { method, signal: cancel.signal, answering });
          cancel.forget();
          callback(toStatusObject(error));
        },
      );
    });
  };
}

/** A grpc-js handler for a server streaming method. */
export function answerStream(method: StreamMethod, answering: Answering) {
  return (call: Stream): void => {
    const cancel = abortOnCancel(call);
    const close = (): void => cancel.abort(closingError());
    answering.closing.addEventListener('abort', close, { once: true });
    if (answering.closing.aborted) {
      close();
    }
    answering.within(call.metadata, () => {
      sendAll(method, { call, signal: cancel.signal, answering })
        .then(
          () => call.end(),
          (error: unknown) => {
            const sent = answering.closing.aborted ? closingError() : error;
            logFault(sent, { method, signal: cancel.signal, answering });
            call.emit('error', toStatusObject(sent));
          },
        )
        .finally(() => answering.closing.removeEventListener('abort', close));
    });
  };
}

interface Answered<C> {
  readonly call: C;
  readonly signal: AbortSignal;
  readonly answering: Answering;
}

async function answerOnce(
  method: UnaryMethod,
  { call, signal, answering }: Answered<Unary>,
): Promise<Buffer> {
  const work =
    answering.admissionOf(method.desc)?.begin(Number(call.getDeadline()) - Date.now()) ?? unweighed;
  try {
    const { request, context } = open(method, { call, signal, answering }, work);
    return encode(method.desc.output, await method.answer(request, context));
  } finally {
    work.end();
  }
}

const unweighed: Work = { weigh: () => undefined, end: () => undefined };

async function sendAll(method: StreamMethod, { call, signal, answering }: Answered<Stream>): Promise<void> {
  const { request, context } = open(method, { call, signal, answering }, unweighed);
  for await (const response of method.answer(request, context)) {
    signal.throwIfAborted();
    if (!call.write(encode(method.desc.output, response))) {
      await once(call, 'drain', { signal });
    }
  }
  signal.throwIfAborted();
}

function open(
  method: RouteMethod,
  { call, signal, answering }: Answered<Unary | Stream>,
  work: Work,
): { readonly request: Message; readonly context: CallContext } {
  const caller = answering.callerOf(call.metadata);
  const request = decode(method.desc.input, call.request);
  answering.validate?.(method.desc.input, request);
  const deadline = call.getDeadline();
  const [authorization] = call.metadata.get('authorization');
  const context = {
    caller,
    signal,
    requestBytes: call.request.byteLength,
    weigh: (calls: number) => work.weigh(calls),
    ...(typeof authorization === 'string' ? { authorization } : {}),
    ...(deadline === Number.POSITIVE_INFINITY ? {} : { deadline: new Date(deadline) }),
  };
  return { request, context };
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

interface Cancel {
  readonly signal: AbortSignal;
  readonly abort: (why: Error) => void;
  /** grpc-js says of every call at its end that it is cancelled: of one that is answered nobody wants to know. */
  readonly forget: () => void;
}

function abortOnCancel(call: Unary | Stream): Cancel {
  const controller = new AbortController();
  const abort = (why: Error): void => controller.abort(why);
  const onCancelled = (): void => abort(new Error('the client cancelled, or its deadline passed'));
  call.once('cancelled', onCancelled);
  return { signal: controller.signal, abort, forget: () => call.off('cancelled', onCancelled) };
}

function closingError(): AccessError {
  return new AccessError('NOT_READY', 'this server is shutting down; call again');
}

interface FaultOf {
  readonly method: RouteMethod;
  readonly signal: AbortSignal;
  readonly answering: Answering;
}

/** What fails because nobody waits any more is no fault. */
function logFault(error: unknown, { method, signal, answering }: FaultOf): void {
  if (isFault(error) && !signal.aborted) {
    answering.logger.error(
      { err: error, rpc: `${method.desc.parent.typeName}/${method.desc.name}` },
      'call failed',
    );
  }
}
