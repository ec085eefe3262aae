import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  DecisionService,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';

/** Asks several decision services in turn. */
export interface SpreadingClient {
  /** Resolves to what went wrong, undefined when nothing did. */
  ask(): Promise<string | undefined>;
  close(): void;
}

const TIMEOUT_MS = 5_000;

/** A plain gRPC client that knows every address; whatever gRPC itself does not hide is a failure. */
export function spreadOver(addresses: readonly string[], token: string): SpreadingClient {
  const client = new Client(`ipv4:${addresses.join(',')}`, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  });
  const headers = new Metadata();
  headers.set('authorization', `Bearer ${token}`);
  const { parent, name } = DecisionService.method.authorize;
  const question = create(AuthorizeRequestSchema, {
    principal: { type: 'User', id: 'ada' },
    action: { id: 'read' },
    resource: { type: 'Database', id: 'orders' },
  });
  const request = Buffer.from(toBinary(AuthorizeRequestSchema, question));
  return {
    ask: () => {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      client.makeUnaryRequest(
        `/${parent.typeName}/${name}`,
        (bytes: Buffer) => bytes,
        (bytes) => fromBinary(AuthorizeResponseSchema, bytes),
        request,
        headers,
        { deadline: Date.now() + TIMEOUT_MS },
        (error) => resolve(error === null ? undefined : error.message),
      );
      return promise;
    },
    close: () => client.close(),
  };
}
