import { toBinary, create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ServerCredentials, status } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { ServerHttp2Stream } from 'node:http2';
import type { CurfewOptions, Question } from '../../../clients/sdk/index.ts';
import {
  AuthorizeResponseSchema,
  BatchAuthorizeResponseSchema,
  DecisionService,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startAnsweringServer } from '../support/answering-server.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { frame, type RawServer, startHttp2Server, startSocketServer } from '../support/raw-server.ts';

/** What a client meets instead of a Curfew that answers. */
export interface Fault {
  readonly name: string;
  open(): Promise<Opened>;
}

export interface Opened {
  readonly options: CurfewOptions;
  readonly question?: Partial<Question>;
  readonly signal?: AbortSignal;
  readonly close: () => void;
}

/** How long clients that meet a fault wait. */
export const faultTimeoutMs = 150;

interface AnswerShape {
  /** Any number can come over the wire. */
  readonly effect?: Effect;
  /** How many answers a batch has. */
  readonly copies?: number;
}

/** A whole answer, as bytes of the method asked; ALLOW unless said. */
export function answerBytes(path: string, shape: AnswerShape = {}): Uint8Array {
  const { effect = Effect.ALLOW, copies = 1 } = shape;
  const answer = create(AuthorizeResponseSchema, {
    effect,
    decisionId: '6f9b4a52-9a0e-4a43-8d0e-0d6f3b8f6c11',
    decidedAt: timestampFromDate(new Date(0)),
  });
  if (!path.endsWith('/BatchAuthorize')) return toBinary(AuthorizeResponseSchema, answer);
  const result = { result: { case: 'response', value: answer } } as const;
  const results = Array.from({ length: copies }, () => result);
  return toBinary(BatchAuthorizeResponseSchema, create(BatchAuthorizeResponseSchema, { results }));
}

/** ALLOW, without anything that a decision has beside it. */
function bareAllowBytes(path: string): Uint8Array {
  const bytes = Uint8Array.of(8, Effect.ALLOW); // field 1, effect
  return path.endsWith('/BatchAuthorize') ? Uint8Array.of(10, 4, 10, 2, ...bytes) : bytes;
}

/** An answer that says ALLOW as Curfew would. */
export function answerAllow(stream: ServerHttp2Stream, path: string): void {
  answer(stream, [frame(answerBytes(path))]);
}

/** Ends a call with these frames and trailers. */
export function answer(
  stream: ServerHttp2Stream,
  frames: readonly Buffer[],
  trailers = { 'grpc-status': '0' },
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(Buffer.concat(frames));
}

type Respond = (stream: ServerHttp2Stream, path: string) => unknown;

function overHttp2(name: string, respond: Respond): Fault {
  return { name, open: async () => opened(await startHttp2Server(respond)) };
}

function overSocket(name: string, connected: Parameters<typeof startSocketServer>[0]): Fault {
  return { name, open: async () => opened(await startSocketServer(connected)) };
}

/** A fault on the caller's own side, before an allowing server. */
function atHome(name: string, own: Omit<Opened, 'close' | 'options'> & { options?: CurfewOptions }): Fault {
  return {
    name,
    async open() {
      const server = opened(await startHttp2Server(answerAllow));
      return { ...server, ...own, options: { ...server.options, ...own.options } };
    },
  };
}

function opened(server: RawServer): Opened {
  return { options: { decisionAddress: server.address }, close: () => server.close() };
}

const codes = Object.values(status)
  .filter((code) => typeof code === 'number')
  .filter((code) => code !== status.OK);

const answeredErrors = codes.map((code) =>
  overHttp2(`an error of code ${status[code]} beside an ALLOW`, (stream, path) =>
    answer(stream, [frame(answerBytes(path))], { 'grpc-status': String(code) }),
  ),
);

const badAnswers = [
  overHttp2('a code that gRPC does not have', (stream, path) =>
    answer(stream, [frame(answerBytes(path))], { 'grpc-status': '99' }),
  ),
  overHttp2('an answer without content', (stream) => answer(stream, [frame(Buffer.alloc(0))])),
  overHttp2('no effect', (stream, path) => answer(stream, [frame(answerBytes(path, { effect: 0 }))])),
  overHttp2('an effect of a later version', (stream, path) =>
    answer(stream, [frame(answerBytes(path, { effect: 3 as Effect }))]),
  ),
  overHttp2('nothing but the word ALLOW', (stream, path) => answer(stream, [frame(bareAllowBytes(path))])),
  overHttp2('bytes that are no message', (stream) =>
    answer(stream, [frame(Buffer.from('<html>ALLOW</html>'))]),
  ),
  overHttp2('OK without a message', (stream) => answer(stream, [])),
  overHttp2('two messages', (stream, path) =>
    answer(stream, [frame(answerBytes(path)), frame(answerBytes(path))]),
  ),
  overHttp2('a message cut short', (stream, path) =>
    answer(stream, [frame(answerBytes(path), { length: 10_000 })]),
  ),
  overHttp2('a message in an unknown compression', (stream, path) =>
    answer(stream, [frame(answerBytes(path), { compressed: 1 })]),
  ),
  overHttp2('compressed nonsense', (stream, path) => {
    const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' };
    stream.respond(headers, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const compressed = gzipSync(answerBytes(path)).fill(0, 4, 14);
    stream.end(frame(compressed, { compressed: 1 }));
  }),
  overHttp2('the answer to another method', (stream, path) => {
    const other = path.endsWith('/BatchAuthorize') ? '/Authorize' : '/BatchAuthorize';
    answer(stream, [frame(answerBytes(other))]);
  }),
  overHttp2('an ALLOW of another content type', (stream, path) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(answerBytes(path)));
  }),
  overHttp2('a message that is larger than any answer', (stream, path) =>
    answer(stream, [frame(Buffer.concat([answerBytes(path), Buffer.alloc(17 * 1024 * 1024)]))]),
  ),
  overHttp2('a message over the limit', (stream, path) =>
    answer(stream, [frame(answerBytes(path), { length: 2 ** 31 })]),
  ),
  overHttp2('an ALLOW without the end of the call', (stream, path) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(frame(answerBytes(path)));
  }),
  overHttp2('an ALLOW whose end says nothing', (stream, path) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.end(frame(answerBytes(path)));
  }),
];

const otherServers = [
  overHttp2('a proxy that says 503', (stream) => {
    stream.respond({ ':status': 503, 'content-type': 'text/html' });
    stream.end('<h1>no healthy upstream</h1>');
  }),
  overHttp2('a login page', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end('<h1>sign in</h1>');
  }),
  overHttp2('a redirect', (stream) => {
    stream.respond({ ':status': 302, location: 'https://login.example' }, { endStream: true });
  }),
  overHttp2('a server that never answers', () => undefined),
  overHttp2('an ALLOW that comes too late', async (stream, path) => {
    await delay(2 * faultTimeoutMs, undefined, { ref: false });
    if (!stream.destroyed) answerAllow(stream, path);
  }),
  ...[0, 1, 2, 7, 8, 11, 13].map((code) =>
    overHttp2(`a stream that is reset with ${code}`, (stream) => stream.close(code)),
  ),
  ...[0, 2, 11].map((code) =>
    overHttp2(`a connection that is told to go away with ${code}`, (stream) => stream.session?.goaway(code)),
  ),
  overHttp2('an ALLOW whose stream is reset', (stream, path) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(frame(answerBytes(path)), () => stream.close(2));
  }),
  overHttp2('a connection that breaks after the ALLOW', (stream, path) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(frame(answerBytes(path)), () => stream.session?.destroy());
  }),
  overSocket('a port that never speaks', () => undefined),
  overSocket('a port that hangs up', (socket) => socket.destroy()),
  overSocket('a server of HTTP/1.1', (socket) =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nALLOW'),
  ),
  overSocket('a server that speaks TLS', (socket) => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 40]))),
];

const nowhere: Fault = {
  name: 'a port that nobody listens on',
  async open() {
    const server = await startSocketServer(() => undefined);
    server.close();
    return opened({ ...server, close: () => undefined });
  },
};

const stranger: Fault = {
  name: 'a server that another authority vouches for',
  async open() {
    const { cert, key } = selfSignedCertificate();
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    const credentials = ServerCredentials.createSsl(null, [pair]);
    const server = await startAnsweringServer({ services: [DecisionService], credentials });
    const decidedAt = timestampFromDate(new Date(0));
    const answer = () => ({ effect: Effect.ALLOW, decisionId: 'd1', decidedAt });
    server.answer(DecisionService, { authorize: answer });
    const tls = { ca: selfSignedCertificate().cert };
    return { options: { decisionAddress: server.address, tls }, close: server.close };
  },
};

const ownFaults = [
  atHome('TLS to a server that has none', { options: { tls: {} } }),
  atHome('a name that resolves to nothing', { options: { decisionAddress: 'curfew.invalid' } }),
  atHome('a token function that throws', {
    options: { token: () => Promise.reject(new Error('no session')) },
  }),
  atHome('a token function that never answers', {
    options: { token: () => new Promise<string>(() => undefined) },
  }),
  atHome('a token function that gives nothing', { options: { token: () => '' } }),
  atHome('a token that no header can carry', { options: { token: () => 'eyJ\r\nx: y' } }),
  atHome('a token file that does not exist', { options: { token: { file: '/nonexistent/token' } } }),
  atHome('a time limit of nothing', { options: { authorizeTimeoutMs: 0 } }),
  atHome('a time limit that is no number', { options: { authorizeTimeoutMs: Number.NaN } }),
  atHome('a caller that has given up', { signal: AbortSignal.abort() }),
  // Callers in plain JavaScript pass anything.
  atHome('a context with undefined', { question: { context: { mfa: undefined } as never } }),
  atHome('a context with a fraction', { question: { context: { n: 1.5 } } }),
  atHome('no resource', { question: { resource: undefined as never } }),
  atHome('a revision beyond int64', { question: { atLeastRevision: 2n ** 63n } }),
];

export const faults: readonly Fault[] = [
  ...answeredErrors,
  ...badAnswers,
  ...otherServers,
  nowhere,
  stranger,
  ...ownFaults,
];
