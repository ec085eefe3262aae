import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type ChannelCredentials, Client, credentials, Metadata } from '@grpc/grpc-js';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.ts';
import { ErrorInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.ts';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { readFileSync } from 'node:fs';

/** Another of Curfew's services, as this one calls it. */
export interface RemoteService {
  /** Makes one unary call. @throws Error of grpc-js */
  call<M extends UnaryMethod>(
    method: M,
    request: MessageInitShape<M['input']>,
    options: RemoteCall,
  ): Promise<MessageShape<M['output']>>;
  /** The `ErrorReason` with which a call failed, without its prefix; undefined when the service did not say. */
  reasonOf(error: unknown): string | undefined;
  close(): void;
}

type UnaryMethod = DescMethod & { readonly methodKind: 'unary' };

export interface RemoteCall {
  /** In whose name: the bearer token that they sent. Without it the service's own certificate says who calls. */
  readonly authorization: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Where the service is, and how it is known. */
export interface RemoteAddress {
  /** Host and port. */
  readonly address: string;
  /** PEM of the authority of its certificate; without it TLS is not spoken, which is for loopback only. */
  readonly caPath?: string | undefined;
  /** PEM of the certificate that names this service. */
  readonly own?: { readonly certPath: string; readonly keyPath: string } | undefined;
}

/** Opens a channel, which connects with the first call and again whenever it must. @throws Error when a file cannot be read */
export function connectService(remote: RemoteAddress): RemoteService {
  const client = new Client(remote.address, credentialsOf(remote));
  return {
    call: (method, request, options) => unary(client, method, request, options),
    reasonOf,
    close: () => client.close(),
  };
}

function credentialsOf({ caPath, own }: RemoteAddress): ChannelCredentials {
  if (caPath === undefined) return credentials.createInsecure();
  const [key, cert] = own === undefined ? [] : [readFileSync(own.keyPath), readFileSync(own.certPath)];
  return credentials.createSsl(readFileSync(caPath), key ?? null, cert ?? null);
}

function unary<M extends UnaryMethod>(
  client: Client,
  method: M,
  request: MessageInitShape<M['input']>,
  { authorization, timeoutMs, signal }: RemoteCall,
): Promise<MessageShape<M['output']>> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  const { promise, resolve, reject } = Promise.withResolvers<MessageShape<M['output']>>();
  const call = client.makeUnaryRequest(
    path,
    (message: MessageShape<M['input']>) => Buffer.from(toBinary(method.input, message)),
    (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M['output']>, // the method's own type
    create(method.input, request) as MessageShape<M['input']>, // the method's own type
    metadata,
    { deadline: Date.now() + timeoutMs },
    (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error !== null || response === undefined) reject(error ?? new Error(`${path} answered nothing`));
      else resolve(response);
    },
  );
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  return promise;
}

function reasonOf(error: unknown): string | undefined {
  const metadata = error instanceof Error && 'metadata' in error ? error.metadata : undefined;
  if (!(metadata instanceof Metadata)) return undefined;
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Buffer)) return undefined;
  const status = fromBinary(StatusSchema, bytes);
  return status.details
    .map((detail) => anyUnpack(detail, ErrorInfoSchema)?.reason)
    .find((reason) => reason !== undefined);
}
