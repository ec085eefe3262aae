import { once } from 'node:events';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.ts';

/** A method as descriptors have it. */
interface Method<I extends DescMessage, O extends DescMessage> {
  readonly input: I;
  readonly output: O;
  readonly name: string;
  readonly parent: { readonly typeName: string };
}

interface CallOptions {
  readonly token?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadline?: Date;
}

/** What an error says, all of it. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

/** A plain gRPC client on bytes, so that tests can send what no good client would. */
export interface TestClient {
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I> | Buffer,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): ClientReadableStream<MessageShape<O>>;
  readonly raw: Client;
  close(): void;
}

/** Opens a client whose connection is its own. */
export function connect(
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
): TestClient {
  const client = new Client(`localhost:${port}`, channel, { 'grpc.use_local_subchannel_pool': 1 });
  return {
    unary: (method, request, options = {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<MessageShape<typeof method.output>>();
      client.makeUnaryRequest(
        pathOf(method),
        asIs,
        (bytes) => fromBinary(method.output, bytes),
        Buffer.isBuffer(request) ? request : encode(method.input, request),
        headers(options),
        callOptions(options),
        (error, response) => {
          if (error === null && response !== undefined) {
            resolve(response);
          } else {
            reject(error ?? new Error('no response'));
          }
        },
      );
      return promise;
    },
    stream: (method, request, options = {}) =>
      client.makeServerStreamRequest(
        pathOf(method),
        asIs,
        (bytes) => fromBinary(method.output, bytes),
        encode(method.input, request),
        headers(options),
        callOptions(options),
      ),
    raw: client,
    close: () => client.close(),
  };
}

/** The error that ends a stream. */
export async function endOf(stream: ClientReadableStream<unknown>): Promise<ServiceError> {
  stream.resume();
  const [error] = (await once(stream, 'error')) as [ServiceError]; // grpc-js emits nothing else
  return error;
}

/** The refusal of a call that must fail. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    return readRefusal(error as ServiceError); // grpc-js rejects with nothing else
  }
  throw new Error('the call succeeded, wanted a refusal');
}

export function readRefusal(error: ServiceError): Refusal {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = Buffer.isBuffer(bytes) ? fromBinary(StatusSchema, bytes) : undefined;
  const info = status?.details
    .map((any) => anyUnpack(any, ErrorInfoSchema))
    .find((each) => each !== undefined);
  const bad = status?.details
    .map((any) => anyUnpack(any, BadRequestSchema))
    .find((each) => each !== undefined);
  return {
    code: error.code,
    message: error.details,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata,
    violations: bad?.fieldViolations.map(({ field, description }) => ({ field, description })) ?? [],
  };
}

export function encode<D extends DescMessage>(desc: D, message: MessageInitShape<D>): Buffer {
  return Buffer.from(toBinary(desc, create(desc, message)));
}

function pathOf({ parent, name }: Method<DescMessage, DescMessage>): string {
  return `/${parent.typeName}/${name}`;
}

function headers({ token, metadata = {} }: CallOptions): Metadata {
  const sent = new Metadata();
  if (token !== undefined) {
    sent.set('authorization', `Bearer ${token}`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    sent.set(key, value);
  }
  return sent;
}

function callOptions({ deadline }: CallOptions) {
  return deadline === undefined ? {} : { deadline };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
