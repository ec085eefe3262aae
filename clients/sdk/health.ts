import { fromBinary, toBinary, create } from '@bufbuild/protobuf';
import { Client, Metadata } from '@grpc/grpc-js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatusSchema,
  HealthCheckResponseSchema,
} from '../../proto/gen/grpc/health/v1/health_pb.ts';
import { CurfewError } from './curfew-error.ts';
import type { Endpoint } from './endpoint.ts';

/** What a server says of its health. */
export interface HealthAnswer {
  /** `SERVING`, `NOT_SERVING`, or an error of the standard's when it knows no such service. */
  readonly status: string;
  /** The server's clock when it answered, rounded down to the second; undefined when something on the way took it out. */
  readonly date: Date | undefined;
}

/**
 * Asks a server for its health; nobody needs a token for that.
 *
 * @param service a name such as `curfew.decision.grants`; empty = the server as a whole
 * @throws CurfewError
 */
export async function checkHealth(
  { target, credentials }: Pick<Endpoint, 'target' | 'credentials'>,
  service: string,
  timeoutMs: number,
): Promise<HealthAnswer> {
  const client = new Client(target, credentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let date: Date | undefined;
  const request = Buffer.from(
    toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })),
  );
  const deadline = Date.now() + timeoutMs;
  const call = client.makeUnaryRequest(
    '/grpc.health.v1.Health/Check',
    asIs,
    asIs,
    request,
    new Metadata(),
    { deadline },
    (error, answer) =>
      error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(CurfewError.from(error)),
  );
  call.on('metadata', (headers) => {
    date = readDate(headers);
  });
  try {
    const { status } = fromBinary(HealthCheckResponseSchema, await promise);
    return { status: HealthCheckResponse_ServingStatusSchema.value[status]?.name ?? String(status), date };
  } finally {
    client.close();
  }
}

/** HTTP/2 servers say the time in their headers. */
function readDate(headers: Metadata): Date | undefined {
  const at = Date.parse(String(headers.get('date')[0] ?? ''));
  return Number.isNaN(at) ? undefined : new Date(at);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
