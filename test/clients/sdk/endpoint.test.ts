import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { resolveEndpoint } from '../../../clients/sdk/endpoint.ts';
import { createCurfew, type CurfewOptions } from '../../../clients/sdk/index.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startAnsweringServer } from '../support/answering-server.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { startSocketServer } from '../support/raw-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) close();
});

function resolve(address: string, tls?: false | object): ReturnType<typeof resolveEndpoint> {
  return resolveEndpoint({ address, port: 2200, tls, field: 'address' });
}

describe('an address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1:2200', 'dns:///127.0.0.1:2200', true],
    ['127.9.9.9:80', '127.9.9.9:80', 'dns:///127.9.9.9:80', true],
    ['localhost', 'localhost:2200', 'dns:///127.0.0.1:2200', true],
    ['[::1]:7', '[::1]:7', 'dns:///[::1]:7', true],
    ['curfew.example', 'curfew.example:2200', 'dns:///curfew.example:2200', false],
    ['10.0.0.1:1', '10.0.0.1:1', 'dns:///10.0.0.1:1', false],
    ['localhost.evil.example', 'localhost.evil.example:2200', 'dns:///localhost.evil.example:2200', false],
    ['0.0.0.0', '0.0.0.0:2200', 'dns:///0.0.0.0:2200', false],
    ['unix', 'unix:2200', 'dns:///unix:2200', false],
  ])('%s is plaintext only when it is this machine', (given, address, target, isPlaintext) => {
    expect(resolve(given)).toMatchObject({ address, target, isPlaintext });
  });

  test.each([
    '',
    'http://curfew',
    'curfew:',
    'curfew:0',
    'curfew:65536',
    '::1',
    '[curfew]',
    'a b',
    'unix:/run/x',
    'a/b',
  ])('%j is refused with what is wanted', (given) => {
    expect(() => resolve(given)).toThrow(
      `address: seen ${JSON.stringify(given)}, wanted a host with or without a port`,
    );
  });

  test.each(['curfew.example', '10.0.0.1:2200', '[2001:db8::1]', '0.0.0.0'])(
    'plaintext to %s is refused',
    (given) => {
      expect(() => resolve(given, false)).toThrow('a token is never sent over a network in plaintext');
    },
  );
});

describe('TLS', () => {
  const { cert, key } = selfSignedCertificate();

  async function codeWith(options: CurfewOptions): Promise<string> {
    const credentials = ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
    ]);
    const server = await startAnsweringServer({ services: [DecisionService], credentials });
    server.answer(DecisionService, { getStatus: () => ({ revision: 7n }) });
    const decisionAddress = server.address.replace('127.0.0.1', 'localhost');
    const curfew = createCurfew({ decisionAddress, token: 't', ...options });
    closers.push(
      () => server.close(),
      () => curfew.close(),
    );
    const answer = await curfew.services.decision.getStatus({}).catch((error: unknown) => error);
    expect(server.received.length).toBe(answer instanceof Error ? 0 : 1);
    return answer instanceof Error && 'code' in answer ? String(answer.code) : 'OK';
  }

  test('a server of the authority given is asked', async () => {
    expect(await codeWith({ tls: { ca: cert } })).toBe('OK');
  });

  test('a server that nobody vouches for gets no token', async () => {
    expect(await codeWith({ tls: {} })).toBe('UNAVAILABLE');
  });

  test('a server of another authority gets no token', async () => {
    expect(await codeWith({ tls: { ca: selfSignedCertificate().cert } })).toBe('UNAVAILABLE');
  });

  test.each([
    [{ ca: 'no certificate' }, 'tls: ca, cert or key is not what it must be'],
    [{ cert }, 'tls: seen only one of cert and key'],
    [{ cert, key: selfSignedCertificate().key }, 'tls: ca, cert or key is not what it must be'],
  ])('PEM texts that cannot be used are refused before anything is sent', (tls, message) => {
    expect(() => createCurfew({ tls })).toThrow(message);
  });
});

test('a token does not leave the machine through a proxy of the environment', async () => {
  let connections = 0;
  const proxy = await startSocketServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const server = await startAnsweringServer({ services: [DecisionService] });
  closers.push(
    () => proxy.close(),
    () => server.close(),
  );
  for (const name of ['grpc_proxy', 'https_proxy', 'http_proxy']) vi.stubEnv(name, `http://${proxy.address}`);
  vi.stubEnv('no_proxy', '');
  vi.stubEnv('no_grpc_proxy', '');
  server.answer(DecisionService, { getStatus: () => ({ revision: 7n }) });
  const curfew = createCurfew({ decisionAddress: server.address, token: 't' });
  closers.push(() => curfew.close());
  expect(await curfew.services.decision.getStatus({})).toMatchObject({ revision: 7n });
  expect(connections).toBe(0);
});
