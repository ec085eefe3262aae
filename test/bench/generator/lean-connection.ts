import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  FLAG,
  FRAME,
  type Frame,
  frame,
  frameReader,
  HEAD_BYTES,
  PREFIX_BYTES,
  writeHead,
} from './frames.ts';
import { type HeaderBlocks, headerBlocks, statusIn } from './header-blocks.ts';

/** What came of one call: the encoded answer, or why there is none. */
export type Outcome =
  | { readonly kind: 'answer'; readonly message: Buffer }
  | { readonly kind: 'failure'; readonly why: string };

/** One cleartext HTTP/2 connection for unary calls of one method. */
export interface LeanConnection {
  /** Sends one encoded message. `done` is called once, from the event loop. @throws RangeError when the message does not fit in one frame */
  ask(message: Uint8Array, done: (outcome: Outcome) => void): void;
  /** Calls without an outcome yet. */
  readonly open: number;
  /** Calls without an outcome end as failures. */
  close(): void;
}

export interface LeanTarget {
  /** host:port */
  readonly address: string;
  readonly path: string;
  readonly token?: string | undefined;
  /** How long a call waits for its answer, and the server is told that it does; without it for as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

interface Call {
  readonly done: (outcome: Outcome) => void;
  readonly sentMs: number;
  message: Buffer | undefined;
}

interface Waiting {
  readonly message: Uint8Array;
  readonly done: (outcome: Outcome) => void;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** That every server takes. */
const LARGEST_FRAME = 16_384;
const FIRST_WINDOW = 65_535;
/** Until the server has said how many calls at once it takes. */
const FIRST_STREAMS = 100;
const SETTING_BYTES = 6;
const MAX_STREAMS = 3;
const LARGEST_WINDOW = 2 ** 31 - 1;
/** How often a connection looks for calls that have waited too long: a timer for each would cost more than the call. */
const LOOK_MS = 5;
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** Why a call has no answer that came to its `timeoutMs`. */
export const TIMED_OUT = 'timed out';
/** No dynamic table in what comes back (so that a status can be read without an HPACK decoder), no pushes, no window to wait for. */
const SETTINGS = Buffer.from([0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);

/**
 * A client that does for everybody takes as long for a call as the server under test, and two cores would measure the generator. This one
 * does only what a unary call needs; whatever it does not know ends in an error.
 */
export async function openLean({ address, path, token, timeoutMs }: LeanTarget): Promise<LeanConnection> {
  const at = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), noDelay: true });
  await once(socket, 'connect');
  return new Lean(socket, headerBlocks({ authority: address, path, token, timeoutMs }), timeoutMs);
}

class Lean implements LeanConnection {
  readonly #socket: Socket;
  readonly #blocks: HeaderBlocks;
  readonly #calls = new Map<number, Call>();
  #nextStream = 1;
  #sendWindow = FIRST_WINDOW;
  #received = 0;
  #out: Buffer[] = [];
  #mostStreams = FIRST_STREAMS;
  /** Calls that the server has no room for yet. */
  readonly #waiting: Waiting[] = [];
  #isOver = false;
  readonly #looking: NodeJS.Timeout | undefined;

  constructor(socket: Socket, blocks: HeaderBlocks, timeoutMs: number | undefined) {
    this.#socket = socket;
    this.#blocks = blocks;
    if (timeoutMs !== undefined) this.#looking = setInterval(() => this.#giveUp(timeoutMs), LOOK_MS);
    this.#write(PREFACE);
    this.#write(frame(FRAME.settings, 0, 0, SETTINGS));
    this.#write(windowUpdate(LARGEST_WINDOW - FIRST_WINDOW));
    const read = frameReader((each) => this.#take(each));
    socket.on('data', read);
    socket.on('error', (error) => this.#end(String(error)));
    socket.on('close', () => this.#end('the connection was closed'));
  }

  get open(): number {
    return this.#calls.size + this.#waiting.length;
  }

  ask(message: Uint8Array, done: (outcome: Outcome) => void): void {
    if (message.length > LARGEST_FRAME - PREFIX_BYTES)
      throw new RangeError(`a message of ${message.length} bytes`);
    if (this.#isOver) setImmediate(done, { kind: 'failure', why: 'the connection is closed' });
    else if (this.#waiting.length === 0 && this.#mayTake(message)) this.#send(message, done);
    else this.#waiting.push({ message, done });
  }

  close(): void {
    this.#end('the generator closed the connection');
    this.#socket.destroy();
  }

  #mayTake(message: Uint8Array): boolean {
    return this.#calls.size < this.#mostStreams && PREFIX_BYTES + message.length <= this.#sendWindow;
  }

  #send(message: Uint8Array, done: (outcome: Outcome) => void): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, { done, sentMs: performance.now(), message: undefined });
    const block = stream === 1 ? this.#blocks.first : this.#blocks.next;
    const length = PREFIX_BYTES + message.length;
    this.#sendWindow -= length;
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + block.length + HEAD_BYTES + length);
    let at = writeHead(bytes, 0, {
      type: FRAME.headers,
      flags: FLAG.endHeaders,
      stream,
      length: block.length,
    });
    at += block.copy(bytes, at);
    at = writeHead(bytes, at, { type: FRAME.data, flags: FLAG.endStream, stream, length });
    bytes[at] = 0;
    at = bytes.writeUInt32BE(message.length, at + 1);
    bytes.set(message, at);
    this.#write(bytes);
  }

  /** Calls lie in the order in which they were sent. */
  #giveUp(timeoutMs: number): void {
    const lateMs = performance.now() - timeoutMs;
    for (const [stream, { sentMs }] of this.#calls) {
      if (sentMs > lateMs) return;
      this.#write(frame(FRAME.rstStream, 0, stream, CANCEL));
      this.#finish(stream, { kind: 'failure', why: TIMED_OUT });
    }
  }

  #sendWaiting(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#mayTake(next.message);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#send(next.message, next.done);
    }
  }

  /** All that is said in one turn goes out as one write. */
  #write(bytes: Buffer): void {
    if (this.#out.push(bytes) > 1) return;
    queueMicrotask(() => {
      const [only] = this.#out;
      this.#socket.write(this.#out.length === 1 && only !== undefined ? only : Buffer.concat(this.#out));
      this.#out = [];
    });
  }

  #take(each: Frame): void {
    const { type, flags, stream, payload } = each;
    switch (type) {
      case FRAME.data:
        return this.#takeData(each);
      case FRAME.headers:
        if ((flags & FLAG.endStream) !== 0) this.#conclude(stream, statusIn(payload));
        return;
      case FRAME.rstStream:
        return this.#finish(stream, {
          kind: 'failure',
          why: `the stream was reset: ${payload.readUInt32BE(0)}`,
        });
      case FRAME.settings:
        return this.#takeSettings(each);
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) this.#write(frame(FRAME.ping, FLAG.ack, 0, Buffer.from(payload)));
        return;
      case FRAME.windowUpdate:
        if (stream === 0) this.#sendWindow += payload.readUInt32BE(0);
        return this.#sendWaiting();
      case FRAME.goAway:
        return this.#end(`the server goes away: ${payload.readUInt32BE(4)}`);
      default: // a priority, or what servers may say and clients ignore
    }
  }

  #takeData({ flags, stream, payload }: Frame): void {
    if ((flags & FLAG.padded) !== 0) return this.#end('padded data, which this client does not read');
    this.#received += payload.length;
    if (this.#received > LARGEST_WINDOW / 2) {
      this.#write(windowUpdate(this.#received));
      this.#received = 0;
    }
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    call.message = call.message === undefined ? payload : Buffer.concat([call.message, payload]);
  }

  #conclude(stream: number, status: number | undefined): void {
    const message = this.#calls.get(stream)?.message;
    if (status === 0 && message !== undefined)
      this.#finish(stream, { kind: 'answer', message: message.subarray(PREFIX_BYTES) });
    else this.#finish(stream, { kind: 'failure', why: `grpc-status ${status ?? 'missing'}` });
  }

  #finish(stream: number, outcome: Outcome): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.done(outcome);
    if (this.#waiting.length > 0) this.#sendWaiting();
  }

  #end(why: string): void {
    this.#isOver = true;
    clearInterval(this.#looking);
    const waiting = this.#waiting.splice(0);
    for (const stream of this.#calls.keys()) this.#finish(stream, { kind: 'failure', why });
    for (const { done } of waiting) done({ kind: 'failure', why });
  }

  #takeSettings({ flags, payload }: Frame): void {
    if ((flags & FLAG.ack) !== 0) return;
    for (let at = 0; at < payload.length; at += SETTING_BYTES)
      if (payload.readUInt16BE(at) === MAX_STREAMS) this.#mostStreams = payload.readUInt32BE(at + 2);
    this.#write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    this.#sendWaiting();
  }
}

function windowUpdate(by: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(by);
  return frame(FRAME.windowUpdate, 0, 0, payload);
}
