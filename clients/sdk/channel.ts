import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import { callStream } from './call.ts';
import type { Connection } from './connection.ts';
import { CurfewError } from './curfew-error.ts';
import type { Replicas } from './endpoint.ts';
import { decodeMessage, encodeMessage } from './message-bytes.ts';
import { type CallOptions, givenUp, type Patience, startPatience, within } from './patience.ts';
import { openPool } from './pool.ts';
import { isRepeatable } from './retry.ts';
import { createSend, withAddress } from './send.ts';
import { createThrottle, notSent } from './throttle.ts';

/** The way to one service: chooses a connection, encodes, authenticates and decodes. Whatever goes wrong is a CurfewError. */
export interface Channel {
  /**
   * When the connection breaks and the call is safe to repeat, it is sent a second time, on another one. When the service has too much to
   * do, it waits as it is told and asks again, for as long as the call may take; when the service refuses most of what it is asked, some
   * calls fail at once.
   */
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  /** Has no time limit unless `timeoutMs` is said. Leaving the loop ends the call. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
    options?: StreamOptions,
  ): AsyncIterable<MessageShape<O>>;
  /** Ends the calls under way and refuses new ones. */
  close(): void;
}

export interface StreamOptions extends CallOptions {
  /** Told right before the request is sent, when there is a connection. */
  readonly onSend?: () => void;
}

export type Method<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly input: I;
  readonly output: O;
};

export interface ChannelOptions {
  /** The service's replicas. */
  readonly endpoints: Replicas;
  /** Gives the bearer token; undefined for callers known by their certificate. */
  readonly readToken: (() => string | Promise<string>) | undefined;
  /** For unary calls that do not say. */
  readonly timeoutMs: number;
}

/** Opens a channel; it connects with the first call, and again whenever a connection is lost. */
export function openChannel({ endpoints, readToken, timeoutMs: usualTimeoutMs }: ChannelOptions): Channel {
  const pool = openPool(endpoints);
  const connectionTo = `connection to ${endpoints.map(({ address }) => address).join(' or ')}`;
  const underWay = new Set<() => void>();
  let isClosed = false;

  async function pick(patience: Patience, avoided?: Connection): Promise<Connection> {
    if (isClosed) throw closed();
    const picked = pool.pick(avoided);
    const connection = picked instanceof Promise ? await within(picked, patience, connectionTo) : picked;
    if (isClosed) throw closed();
    return connection;
  }

  const throttle = createThrottle();
  const send = createSend({ throttle, pick, isClosed: () => isClosed });

  return {
    async unary(method, request, options = {}) {
      const patience = startPatience(options, usualTimeoutMs);
      // Before anything is done for it: where most calls are not sent, that is what they cost.
      if (!isClosed && !throttle.maySend()) throw await notSent();
      const bytes = encodeMessage(method.input, request);
      const headers = await identify(readToken, patience);
      const { signal, until: deadline } = patience;
      const call = { path: pathOf(method), bytes, headers, deadline, signal, underWay };
      const mayRepeat = isRepeatable(method, request);
      return decodeMessage(method.output, await send(call, { patience, mayRepeat }));
    },
    async *serverStream(method, request, options = {}) {
      const patience = startPatience(options, usualTimeoutMs);
      const bytes = encodeMessage(method.input, request);
      const headers = await identify(readToken, patience);
      const deadline = options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : patience.until;
      const call = { path: pathOf(method), bytes, headers, deadline, signal: patience.signal, underWay };
      const connection = await pick(patience);
      options.onSend?.();
      try {
        for await (const answer of callStream(connection.client(), call))
          yield decodeMessage(method.output, answer);
      } catch (error) {
        throw withAddress(error, connection.address);
      }
    },
    close() {
      isClosed = true;
      for (const cancel of underWay) cancel();
      pool.close();
    },
  };
}

/** The headers that say who is calling. */
async function identify(readToken: ChannelOptions['readToken'], patience: Patience): Promise<Metadata> {
  const headers = new Metadata();
  if (patience.signal?.aborted === true) throw givenUp();
  if (readToken === undefined) return headers;
  const token = readToken();
  const known = typeof token === 'string' ? token : await within(token, patience, 'token');
  headers.set('authorization', `Bearer ${known}`);
  return headers;
}

function closed(): CurfewError {
  return new CurfewError('FAILED_PRECONDITION', 'this client was closed');
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
