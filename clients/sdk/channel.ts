import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { Client, Metadata } from '@grpc/grpc-js';
import { argumentError, CurfewError } from './curfew-error.ts';
import type { Endpoint } from './endpoint.ts';
import { decodeMessage, encodeMessage } from './message-bytes.ts';

/** How long to wait for one call. */
export interface CallOptions {
  /** From the call to its answer, getting the token and connecting included. */
  readonly timeoutMs?: number;
  /** Gives up early; the call fails with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** A connection to one address that encodes, authenticates and decodes. Whatever goes wrong is a CurfewError. */
export interface Channel {
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  /** Has no time limit unless `timeoutMs` is said. Leaving the loop ends the call. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): AsyncIterable<MessageShape<O>>;
  close(): void;
}

export type Method<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly input: I;
  readonly output: O;
};

export interface ChannelOptions {
  readonly endpoint: Endpoint;
  /** Gives the bearer token; undefined for callers known by their certificate. */
  readonly readToken: (() => string | Promise<string>) | undefined;
  /** For unary calls that do not say. */
  readonly timeoutMs: number;
}

const maxMessageBytes = 16 * 1024 * 1024;
/** What a timer of the runtime can hold. */
const maxTimeoutMs = 2 ** 31 - 1;

/** Opens a channel; it connects with the first call, and again whenever the connection is lost. */
export function openChannel({ endpoint, readToken, timeoutMs: usualTimeoutMs }: ChannelOptions): Channel {
  const client = new Client(endpoint.target, endpoint.credentials, {
    'grpc.max_receive_message_length': maxMessageBytes,
    // A service that was away is found again within seconds; the library's own bound is two minutes.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // A connection that died silently would swallow calls for a quarter of an hour.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.use_local_subchannel_pool': 1,
    // Nothing that DNS says may change how calls are made.
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': endpoint.isPlaintext ? 0 : 1,
  });

  async function authorization(patience: Patience): Promise<Metadata> {
    const headers = new Metadata();
    if (patience.signal?.aborted === true) throw cancelled();
    if (readToken === undefined) return headers;
    const token = readToken();
    headers.set(
      'authorization',
      `Bearer ${typeof token === 'string' ? token : await within(token, patience)}`,
    );
    return headers;
  }

  return {
    async unary(method, request, { timeoutMs = usualTimeoutMs, signal } = {}) {
      const deadline = deadlineAfter(timeoutMs);
      const bytes = encodeMessage(method.input, request);
      const headers = await authorization({ timeoutMs, signal });
      try {
        const answer = await callUnary(client, { path: pathOf(method), bytes, headers, deadline, signal });
        return decodeMessage(method.output, answer);
      } catch (error) {
        throw withAddress(error, endpoint.address);
      }
    },
    async *serverStream(method, request, { timeoutMs, signal } = {}) {
      const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : deadlineAfter(timeoutMs);
      const bytes = encodeMessage(method.input, request);
      const headers = await authorization({ timeoutMs: timeoutMs ?? usualTimeoutMs, signal });
      const call = { path: pathOf(method), bytes, headers, deadline, signal };
      try {
        for await (const answer of callStream(client, call)) yield decodeMessage(method.output, answer);
      } catch (error) {
        throw withAddress(error, endpoint.address);
      }
    },
    close: () => client.close(),
  };
}

interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Call {
  readonly path: string;
  readonly bytes: Buffer;
  readonly headers: Metadata;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

function callUnary(client: Client, { path, bytes, headers, deadline, signal }: Call): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cancel = () => call.cancel();
    const call = client.makeUnaryRequest(path, asIs, asIs, bytes, headers, { deadline }, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error !== null) reject(CurfewError.from(error));
      else if (answer === undefined) reject(new CurfewError('INTERNAL', 'the answer is empty'));
      else resolve(answer);
    });
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

async function* callStream(client: Client, call: Call): AsyncGenerator<Buffer> {
  const { path, bytes, headers, deadline, signal } = call;
  const stream = client.makeServerStreamRequest(path, asIs, asIs, bytes, headers, { deadline });
  const cancel = () => stream.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  // Once the loop is left, the end of the call has no other listener, and an error without one ends the process.
  stream.on('error', () => undefined);
  try {
    for await (const message of stream) yield message as Buffer; // `asIs` above
  } catch (error) {
    throw CurfewError.from(error);
  } finally {
    signal?.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

/** The promise's value, or an error when it takes longer than the call may. */
function within<T>(promise: Promise<T>, { timeoutMs, signal }: Patience): Promise<T> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
  const late = () => reject(new CurfewError('DEADLINE_EXCEEDED', `no token after ${timeoutMs} ms`));
  const timer = setTimeout(late, timeoutMs);
  const abort = () => reject(cancelled());
  signal?.addEventListener('abort', abort, { once: true });
  promise.then(resolve, reject);
  return outcome.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  });
}

/** Where nobody answers is what a reader must know first; of the library's own words only the cause helps. */
function withAddress(error: unknown, address: string): CurfewError {
  const known = CurfewError.from(error);
  if (known.code !== 'UNAVAILABLE' || known.reason !== undefined) return known;
  const cause = /Last error: (?:Error: )?(.*?)\.?(?: Resolution note:.*)?$/s.exec(known.message)?.[1];
  return new CurfewError('UNAVAILABLE', `no answer from ${address}: ${cause ?? known.message}`, {
    cause: error,
  });
}

function deadlineAfter(timeoutMs: number): number {
  if (!(timeoutMs > 0 && timeoutMs <= maxTimeoutMs))
    throw argumentError('timeoutMs', `seen ${timeoutMs}, wanted more than 0 and at most ${maxTimeoutMs}`);
  return Date.now() + timeoutMs;
}

function cancelled(): CurfewError {
  return new CurfewError('CANCELLED', 'given up by the caller');
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
