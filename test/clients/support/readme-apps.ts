/** Stands for the sign-in of a reader of the README. */
export const signIn = `export function userOf(_request: object): string {
  return 'ada';
}
`;

/** Asks every server of the README for a database that ada may read, and for one that she may not; prints what each answers. */
export const driveApps = `import { once } from 'node:events';
import { createServer } from 'node:http';
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { GrantService } from '@curfew/sdk/proto/curfew/grant/v1/grant_service_pb';
import { Client, credentials, Metadata, ServerCredentials } from '@grpc/grpc-js';
import { serve } from '@hono/node-server';
import { mayRead } from './connect-handler.ts';
import { curfew } from './curfew.ts';
import { app as expressApp } from './express-app.ts';
import { app as fastifyApp } from './fastify-app.ts';
import { server as grpcServer } from './grpc-server.ts';
import { app as honoApp } from './hono-app.ts';

const outcomes: Record<string, unknown[]> = {};
const databases = ['orders', 'customers'];

async function fetchBoth(name: string, port: unknown): Promise<void> {
  const answers = databases.map((id) => fetch(\`http://127.0.0.1:\${port}/databases/\${id}\`));
  outcomes[name] = (await Promise.all(answers)).map(({ status }) => status);
}

function portOf(server: { address(): unknown }): unknown {
  const address = server.address();
  return typeof address === 'object' && address !== null && 'port' in address ? address.port : address;
}

const express = createServer(expressApp).listen(0, '127.0.0.1');
await once(express, 'listening');
await fetchBoth('express', portOf(express));
express.close();
express.closeAllConnections();

await fastifyApp.listen({ port: 0, host: '127.0.0.1' });
await fetchBoth('fastify', portOf(fastifyApp.server));
await fastifyApp.close();

const hono = serve({ fetch: honoApp.fetch, port: 0, hostname: '127.0.0.1' });
await once(hono, 'listening');
await fetchBoth('hono', portOf(hono));
hono.close();

const bytes = (it: Buffer) => it;
const method = { path: '/acme.Databases/Read', requestStream: false, responseStream: false } as const;
const serialize = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
grpcServer.addService(
  { read: { ...method, ...serialize } },
  { read: (_call: object, done: (error: null, rows: Buffer) => void) => done(null, Buffer.from('rows')) },
);
const bound = Promise.withResolvers<number>();
grpcServer.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => bound.resolve(port));
const client = new Client(\`127.0.0.1:\${await bound.promise}\`, credentials.createInsecure());
const grpcCode = (database: string) =>
  new Promise((resolve) => {
    const metadata = new Metadata();
    metadata.set('database', database);
    client.makeUnaryRequest(method.path, bytes, bytes, Buffer.from('x'), metadata, (error) => resolve(error?.code ?? 0));
  });
outcomes['grpc'] = await Promise.all(databases.map(grpcCode));
client.close();
grpcServer.forceShutdown();

const router = { interceptors: [mayRead] };
const transport = createRouterTransport(({ service }) => void service(GrantService, { getGrant: () => ({}) }), { router });
const connectCode = async (database: string) => {
  try {
    await createClient(GrantService, transport).getGrant({}, { headers: { database } });
    return 'OK';
  } catch (error) {
    return Code[ConnectError.from(error).code];
  }
};
outcomes['connect'] = await Promise.all(databases.map(connectCode));

curfew.close();
console.log(JSON.stringify(outcomes));
`;
