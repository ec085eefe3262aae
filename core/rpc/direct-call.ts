import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { status as Code } from '@grpc/grpc-js';
import type { TextMapGetter } from '@opentelemetry/api';
import type { AnswerCall, Reply } from './answer.ts';
import type { CallObserver, Observed, SentStatus } from './observe-calls.ts';
import { OneMessage } from './one-message.ts';
import { leftMs } from './refuse-early.ts';
import type { Caller } from './route.ts';
import type { ServedRequest } from './served-request.ts';
import { toStatusObject } from './status.ts';
import { tooLarge } from './transport-errors.ts';
import {
  endIncomplete,
  type Unfinished,
  type UnfinishedCall,
  type UnfinishedCalls,
} from './unfinished-calls.ts';
import { sendStatus, sendWhole } from './whole-answer.ts';

/** What direct calls of a server have in common. */
export interface DirectPassage {
  readonly observer: Pick<CallObserver, 'begin'>;
  readonly unfinished: UnfinishedCalls;
  readonly maxMessageBytes: number;
}

/** Such a call, of which nothing has been read but its headers. */
export interface Arrived {
  readonly stream: ServerHttp2Stream;
  readonly path: string;
  readonly caller: Caller;
  readonly authorization: string | undefined;
  readonly answer: AnswerCall;
}

/** A unary call that grpc-js has not seen: observed and timed, and answered whole. */
export class DirectCall implements ServedRequest, UnfinishedCall, Reply {
  readonly stream: ServerHttp2Stream;
  readonly caller: Caller;
  readonly authorization: string | undefined;
  readonly #passage: DirectPassage;
  readonly #answer: AnswerCall;
  readonly #observed: Observed;
  /** Until the call is answered or given up. */
  #body: OneMessage | undefined;
  #message: Buffer | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #deadline: NodeJS.Timeout | undefined;
  #state: 'open' | 'answered' | 'cancelled' = 'open';
  #tell: (() => void) | undefined;
  #unfinished: Unfinished | undefined;

  constructor(passage: DirectPassage, { stream, path, caller, authorization, answer }: Arrived) {
    this.stream = stream;
    this.caller = caller;
    this.authorization = authorization;
    this.#passage = passage;
    this.#answer = answer;
    this.#observed = passage.observer.begin(path);
    this.#body = new OneMessage(passage.maxMessageBytes);
  }

  get startedMs(): number {
    return this.#observed.startedMs;
  }

  get message(): Buffer {
    if (this.#message === undefined) throw new Error('a call reached its handler without a message');
    return this.#message;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  get isCancelled(): boolean {
    return this.#state === 'cancelled';
  }

  onCancelled(tell: () => void): void {
    this.#tell = tell;
  }

  /** Begins to read the request. */
  start(headers: IncomingHttpHeaders): void {
    const { stream } = this;
    this.#observed.trace(headers, ofHeaders);
    this.#unfinished = this.#passage.unfinished.add(this);
    stream.on('error', () => undefined); // 'close' follows
    stream.on('close', () => this.#close());
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => this.#end());
    const timeout = headers['grpc-timeout'];
    if (timeout !== undefined) this.#waitAtMost(leftMs(timeout));
  }

  succeed(response: Buffer): void {
    if (this.#finish('answered', Code.OK)) sendWhole(this.stream, response);
  }

  fail(error: unknown): void {
    this.sendStatus(toStatusObject(error));
  }

  sendStatus(status: SentStatus): void {
    if (this.#finish('answered', status.code ?? Code.UNKNOWN)) this.#send(status);
  }

  #send(status: SentStatus): void {
    endIncomplete(this.stream);
    sendStatus(this.stream, status);
  }

  #waitAtMost(waitMs: number): void {
    this.#deadlineMs = Date.now() + waitMs;
    this.#deadline = setTimeout(() => {
      if (!this.#finish('cancelled', Code.DEADLINE_EXCEEDED)) return;
      this.#send({ code: Code.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
      this.#tell?.();
    }, waitMs);
  }

  #receive(chunk: Buffer): void {
    const received = this.#body?.add(chunk);
    if (received === undefined) return;
    if (received.kind === 'message') this.#message = received.message;
    else if (received.kind === 'too_large') this.fail(tooLarge(this.#passage.maxMessageBytes));
    else if (received.kind === 'too_many') this.sendStatus(notOne('more'));
  }

  #end(): void {
    this.#unfinished?.end();
    // One that is reset ends as well.
    if (this.#state !== 'open' || this.stream.closed) return;
    if (this.#message === undefined) this.sendStatus(notOne('none'));
    else this.#observed.within(() => this.#answer(this, this));
  }

  /** @returns whether it was open until now */
  #finish(state: 'answered' | 'cancelled', code: Code): boolean {
    if (this.#state !== 'open') return false;
    this.#state = state;
    this.#body = undefined;
    this.#observed.end(code);
    clearTimeout(this.#deadline);
    return true;
  }

  /** Node's HTTP/2 streams live on until the next full garbage collection, and whatever hangs on them with them. */
  #close(): void {
    this.#unfinished?.end();
    this.#finish('cancelled', Code.CANCELLED);
    this.#tell?.();
    this.#tell = undefined;
    this.#message = undefined;
  }
}

/** As gRPC has it, it is the method that is of another kind than its client thinks. */
function notOne(seen: 'none' | 'more'): SentStatus {
  const details = `the request has ${seen === 'none' ? 'no whole message' : 'more than one message'}, wanted one`;
  return { code: Code.UNIMPLEMENTED, details };
}

const ofHeaders: TextMapGetter<IncomingHttpHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name],
};
