import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { serviceDefinition } from '../../../core/rpc/service-definition.ts';
import { toStatusObject } from '../../../core/rpc/status.ts';

type Answer<M extends DescMethod> = (
  request: MessageShape<M['input']>,
) => M['methodKind'] extends 'server_streaming'
  ? AsyncIterable<MessageInitShape<M['output']>>
  : MessageInitShape<M['output']> | Promise<MessageInitShape<M['output']>>;

/** What methods answer; what they throw goes out as Curfew's services send errors. */
export type Answers<S extends DescService> = { readonly [K in keyof S['method']]?: Answer<S['method'][K]> };

/** A call as it came in. */
export interface Received {
  /** `GrantService.requestAccess` */
  readonly method: string;
  readonly request: unknown;
  /** The bearer token; empty when there was none. */
  readonly token: string;
}

export interface AnsweringServer {
  /** host:port */
  readonly address: string;
  readonly received: readonly Received[];
  /** From now on these methods answer so. */
  answer<S extends DescService>(service: S, answers: Answers<S>): void;
  readonly close: () => void;
}

export interface ServerOptions {
  readonly services: readonly DescService[];
  readonly credentials?: ServerCredentials;
  /** Any free one unless said. */
  readonly port?: number;
}

/** A gRPC server on loopback whose answers are given: for faults, and for the shapes of answers that clients must take. */
export async function startAnsweringServer({
  services,
  credentials = ServerCredentials.createInsecure(),
  port = 0,
}: ServerOptions): Promise<AnsweringServer> {
  const server = new Server();
  const answers = new Map<string, (request: unknown) => unknown>();
  const received: Received[] = [];
  const take: Take = (method, bytes, metadata) => {
    const name = `${method.parent.name}.${method.localName}`;
    const request = fromBinary(method.input, bytes);
    const token = String(metadata.get('authorization')[0] ?? '').replace(/^Bearer /, '');
    received.push({ method: name, request, token });
    const answer = answers.get(name);
    if (answer === undefined) throw new Error(`no answer given for ${name}`);
    return answer(request);
  };
  for (const service of services) {
    const handlers = service.methods.map((method) => [method.localName, handler(method, take)]);
    server.addService(serviceDefinition(service), Object.fromEntries(handlers));
  }
  const { promise: bound, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) => (error ? reject(error) : resolve(at)));
  return {
    address: `127.0.0.1:${await bound}`,
    received,
    answer(service, given) {
      for (const [method, answer] of Object.entries(given))
        answers.set(`${service.name}.${method}`, answer as (request: unknown) => unknown); // by its own method
    },
    close: () => server.forceShutdown(),
  };
}

type Take = (method: DescMethod, bytes: Buffer, metadata: Metadata) => unknown;

function handler(method: DescMethod, take: Take): UntypedHandleCall {
  const encode = (answer: unknown): Buffer => {
    const message = create(method.output, answer as MessageInitShape<DescMethod['output']>); // Answers ties it
    return Buffer.from(toBinary(method.output, message));
  };
  const unary = async (call: ServerUnaryCall<Buffer, Buffer>, callback: Callback): Promise<void> => {
    try {
      callback(null, encode(await take(method, call.request, call.metadata)));
    } catch (error) {
      callback(toStatusObject(error));
    }
  };
  const stream = async (call: ServerWritableStream<Buffer, Buffer>): Promise<void> => {
    try {
      const answers = take(method, call.request, call.metadata) as AsyncIterable<unknown>; // likewise
      for await (const answer of answers) {
        if (call.cancelled) return;
        call.write(encode(answer));
      }
      call.end();
    } catch (error) {
      call.emit('error', toStatusObject(error));
    }
  };
  if (method.methodKind === 'server_streaming')
    return (call: ServerWritableStream<Buffer, Buffer>) => void stream(call); // answers through the call
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: Callback) => void unary(call, callback); // likewise
}

type Callback = (error: ReturnType<typeof toStatusObject> | null, answer?: Buffer) => void;
