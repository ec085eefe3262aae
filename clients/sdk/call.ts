import type { Client, Metadata } from '@grpc/grpc-js';
import { CurfewError } from './curfew-error.ts';

/** A call as it goes out. */
export interface Call {
  /** `/curfew.decision.v1.DecisionService/Authorize` */
  readonly path: string;
  readonly bytes: Buffer;
  readonly headers: Metadata;
  /** Milliseconds of the epoch. */
  readonly deadline: number;
  /** Gives up early. */
  readonly signal: AbortSignal | undefined;
  /** What ends each call under way. */
  readonly underWay: Set<() => void>;
}

/** Sends a call that has one answer. @throws CurfewError */
export async function callUnary(client: Client, call: Call): Promise<Buffer> {
  const { path, bytes, headers, deadline } = call;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const sent = client.makeUnaryRequest(path, asIs, asIs, bytes, headers, { deadline }, (error, answer) => {
    if (error !== null) reject(error);
    else if (answer === undefined) reject(new CurfewError('INTERNAL', 'the answer is empty'));
    else if (!isGrpc) reject(new CurfewError('INTERNAL', 'the answer is not gRPC; is a proxy in between?'));
    else resolve(answer);
  });
  let isGrpc = false;
  sent.on('metadata', (received: Metadata) => {
    isGrpc = /^application\/grpc(?:$|[+;])/.test(String(received.get('content-type')[0]));
  });
  const forget = remember(() => sent.cancel(), call);
  try {
    return await promise;
  } finally {
    forget();
  }
}

/** Sends a call that has any number of answers; leaving the loop ends it. */
export async function* callStream(client: Client, call: Call): AsyncGenerator<Buffer> {
  const { path, bytes, headers, deadline } = call;
  const stream = client.makeServerStreamRequest(path, asIs, asIs, bytes, headers, { deadline });
  const forget = remember(() => stream.cancel(), call);
  // Once the loop is left, the end of the call has no other listener, and an error without one ends the process.
  stream.on('error', () => undefined);
  try {
    for await (const message of stream) yield message as Buffer; // `asIs` above
  } finally {
    forget();
    stream.cancel();
  }
}

function remember(cancel: () => void, { signal, underWay }: Call): () => void {
  underWay.add(cancel);
  signal?.addEventListener('abort', cancel, { once: true });
  return () => {
    underWay.delete(cancel);
    signal?.removeEventListener('abort', cancel);
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
