import type { ServerHttp2Stream } from 'node:http2';
import { type Metadata, type ServerInterceptor, status as Code } from '@grpc/grpc-js';
import type { TextMapGetter } from '@opentelemetry/api';
import type { Authentication } from './authenticate.ts';
import type { CallObserver, Observed, SentStatus } from './observe-calls.ts';
import type { Caller } from './route.ts';
import { toStatusObject } from './status.ts';
import { endIncomplete, type Unfinished, type UnfinishedCalls } from './unfinished-calls.ts';
import { UnreadAnswers } from './unread-streams.ts';
import { sendWhole } from './whole-answer.ts';

type Method = Parameters<ServerInterceptor>[0];
type Call = Parameters<ServerInterceptor>[1];
type Listener = Parameters<Call['start']>[0];
type Interceptor = ReturnType<ServerInterceptor>;

/** What every call of a server passes on its way in and out. */
export interface Passage {
  readonly authentication: Authentication;
  readonly observer: CallObserver;
  readonly unfinished: UnfinishedCalls;
  /** How long a client may leave a stream of answers unread. */
  readonly maxUnreadMs: number;
  /** What is sent instead of a status. */
  readonly nameStatus: (status: SentStatus) => SentStatus;
}

/** Where the handlers find the call that their metadata came with. */
const servedCall: unique symbol = Symbol('served call');

interface Marked {
  [servedCall]?: ServedCall;
}

/** The one interceptor of a server: grpc-js's own wrappers cost as much as the call, one for each. */
export function servedCalls(passage: Passage): ServerInterceptor {
  return (method, call) => new ServedCall(passage, method, call) as Call as Interceptor; // grpc-js calls what it declares of a call, and its class has private fields
}

/** The call that the metadata of a handler came with. */
export function callOf(metadata: Metadata): ServedCall {
  const call = (metadata as Marked)[servedCall]; // set when the call began
  if (call === undefined) throw new Error('a call reached its handler unidentified');
  return call;
}

/**
 * A call between grpc-js and its handler: observed and timed, let in when it is known who calls, and answered whole. Towards grpc-js it is
 * the listener of its own call.
 */
export class ServedCall implements Call, Listener {
  readonly stream: ServerHttp2Stream;
  readonly path: string;
  readonly observed: Observed;
  readonly #passage: Passage;
  readonly #inner: Call;
  readonly #send: Call['sendStatus'];
  /** Of a stream of answers. */
  readonly #unread: UnreadAnswers | undefined;
  #listener: Listener | undefined;
  #caller: Caller | undefined;
  #answer: Buffer | undefined;
  #unfinished: Unfinished | undefined;
  #isCancelled = false;
  #isAnswered = false;

  constructor(passage: Passage, method: Method, inner: Call) {
    this.#passage = passage;
    this.#inner = inner;
    this.path = method.path;
    this.stream = Reflect.get(inner, 'stream') as ServerHttp2Stream; // grpc-js keeps it there; a test of D21 would tell
    this.observed = passage.observer.begin(method.path);
    // grpc-js sends its own refusals below all interceptors.
    this.#send = inner.sendStatus.bind(inner);
    // Put there as it is made, V8 would take it for old from the start, and keep the call until the next full collection.
    const end: Call['sendStatus'] = (status) => this.#end(status);
    inner.sendStatus = end;
    this.#unread = method.responseStream ? new UnreadAnswers(this.stream, passage.maxUnreadMs) : undefined;
    if (!method.requestStream) this.#unfinished = passage.unfinished.add(this);
  }

  get startedMs(): number {
    return this.observed.startedMs;
  }

  /** Who calls. @throws Error when nobody has been identified */
  get caller(): Caller {
    if (this.#caller === undefined) throw new Error('a call reached its handler unidentified');
    return this.#caller;
  }

  start(listener: Listener): void {
    this.#listener = listener;
    this.#inner.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    (metadata as Marked)[servedCall] = this; // read by `callOf`
    this.observed.trace(metadata, ofMetadata);
    this.observed.within(() => this.#identify(metadata));
  }

  onReceiveMessage(message: unknown): void {
    if (!this.#isCancelled) this.#listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    this.#unfinished?.end();
    if (!this.#isCancelled) this.#listener?.onReceiveHalfClose();
  }

  /** It comes at the end of every call; one that has not ended by then is ended by the client. */
  onCancel(): void {
    this.#isCancelled = true;
    this.#unfinished?.end();
    this.observed.end(Code.CANCELLED);
    this.#listener?.onCancel();
    this.#forget();
  }

  sendMetadata(metadata: Metadata): void {
    this.#inner.sendMetadata(metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    if (this.#unread !== undefined || !Buffer.isBuffer(message)) {
      this.#inner.sendMessage(message, this.#unread?.sending(callback) ?? callback);
    } else {
      this.#answer = message;
      callback();
    }
  }

  sendStatus(status: SentStatus): void {
    this.#inner.sendStatus(status);
  }

  startRead(): void {
    this.#inner.startRead();
  }

  getPeer(): string {
    return this.#inner.getPeer();
  }

  getDeadline(): ReturnType<Call['getDeadline']> {
    return this.#inner.getDeadline();
  }

  getHost(): string {
    return this.#inner.getHost();
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.#inner.getAuthContext();
  }

  getConnectionInfo(): ReturnType<Call['getConnectionInfo']> {
    return this.#inner.getConnectionInfo();
  }

  getMetricsRecorder(): ReturnType<Call['getMetricsRecorder']> {
    return this.#inner.getMetricsRecorder();
  }

  #identify(metadata: Metadata): void {
    const goOn = (caller: Caller | undefined): void => {
      this.#caller = caller;
      if (!this.#isCancelled) this.#listener?.onReceiveMetadata(metadata);
    };
    const refuse = (error: unknown): void => this.#inner.sendStatus(toStatusObject(error));
    let identified: ReturnType<Authentication['identify']>;
    try {
      identified = this.#passage.authentication.identify(this, metadata);
    } catch (error) {
      return refuse(error);
    }
    if (identified instanceof Promise) identified.then(goOn, refuse);
    else goOn(identified);
  }

  /** Node's HTTP/2 streams live on until the next full garbage collection, and whatever hangs on them with them. */
  #forget(): void {
    if (!this.stream.destroyed) return;
    this.#listener = undefined;
    this.#answer = undefined;
    this.stream.removeAllListeners('data');
    this.stream.removeAllListeners('end');
  }

  #end(sent: SentStatus): void {
    if (this.#isAnswered) return;
    const status = this.#passage.nameStatus(sent);
    this.observed.end(status.code ?? Code.OK);
    if (this.#answer !== undefined && status.code === Code.OK) {
      this.#isAnswered = true;
      sendWhole(this.stream, this.#answer);
    } else {
      endIncomplete(this.stream);
      this.#send(status);
    }
  }
}

const ofMetadata: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata.getMap()),
  get: (metadata, name) => metadata.get(name).map(String),
};
