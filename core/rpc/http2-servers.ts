import type { Http2Server } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/** Node's own servers under a server of grpc-js, which does not say where it keeps them. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  const servers = Reflect.get(server, 'http2Servers') as ReadonlyMap<Http2Server, unknown>; // the tests of direct calls and of D15 would tell
  return [...servers.keys()];
}
