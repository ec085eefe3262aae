import { readFile, writeFile } from 'node:fs/promises';
import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createCurfew } from '../../clients/sdk/index.ts';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  Effect,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';

/** A process of its own that asks questions. */
export interface Offer {
  readonly address: string;
  readonly token: string;
  /** A file of `Asked`. */
  readonly questions: string;
  /** Where it writes the `Outcome`. */
  readonly outcome: string;
  /** `closed` asks again when it has an answer; `stubborn` and `sdk` ask so many per second whatever comes back. */
  readonly kind: 'closed' | 'stubborn' | 'sdk';
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Asked {
  readonly person: string;
  readonly database: string;
  readonly grantId: string;
}

export interface Outcome {
  readonly asked: number;
  readonly good: number;
  readonly refused: number;
  /** Sent, and neither answered nor refused in time. */
  readonly timedOut: number;
  /** Never sent, because as many were under way as connections let. */
  readonly unsent: number;
  readonly wrong: number;
  readonly failed: number;
  /** When each good call was answered, in seconds since the start, and how long it took. */
  readonly goodMs: readonly (readonly [number, number])[];
  readonly refusedMs: readonly number[];
}

type Result = 'good' | 'refused' | 'timedOut' | 'unsent' | 'wrong' | 'failed';
type Ask = (asked: Asked) => Promise<Result>;

const CONNECTIONS = 4;
const AT_ONCE = 32;
const MOST_UNDER_WAY = 200 * CONNECTIONS;
const TIMEOUT_MS = 200;
const PATH = '/curfew.decision.v1.DecisionService/Authorize';

const offer = JSON.parse(process.argv[2] ?? '') as Offer; // written by `overload`
const questions = JSON.parse(await readFile(offer.questions, 'utf8')) as readonly Asked[]; // likewise
const ask = offer.kind === 'sdk' ? askBySdk(offer) : askStubbornly(offer);
await writeFile(offer.outcome, JSON.stringify(await run(ask)));
process.exit(0);

async function run(ask: Ask): Promise<Outcome> {
  const counts: Record<Result, number> = { good: 0, refused: 0, timedOut: 0, unsent: 0, wrong: 0, failed: 0 };
  const goodMs: [number, number][] = [];
  const refusedMs: number[] = [];
  let asked = Math.floor(Math.random() * questions.length);
  const first = asked;
  const startedMs = performance.now();
  const one = async (): Promise<void> => {
    const question = questions[asked++ % questions.length];
    if (question === undefined) return;
    const sentMs = performance.now();
    const result = await ask(question);
    const nowMs = performance.now();
    counts[result] += 1;
    if (result === 'good') goodMs.push([round((nowMs - startedMs) / 1_000), round(nowMs - sentMs)]);
    if (result === 'refused') refusedMs.push(round(nowMs - sentMs));
  };
  const untilMs = startedMs + offer.seconds * 1_000;
  if (offer.kind === 'closed') {
    const askOn = async (): Promise<void> => {
      while (performance.now() < untilMs) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  } else {
    const underWay: Promise<void>[] = [];
    while (performance.now() < untilMs) {
      const due = ((performance.now() - startedMs) * offer.perSecond) / 1_000;
      for (let lacking = Math.ceil(due - underWay.length); lacking > 0; lacking -= 1) underWay.push(one());
      await delay(1);
    }
    await Promise.all(underWay);
  }
  return { asked: asked - first, ...counts, goodMs, refusedMs };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** By clients that wait as they are told. */
function askBySdk({ address, token }: Offer): Ask {
  const clients = Array.from({ length: CONNECTIONS / 2 }, () =>
    createCurfew({ decisionAddress: address, token, tls: false, authorizeTimeoutMs: TIMEOUT_MS }),
  );
  let turn = 0;
  return async ({ person, database, grantId }) => {
    turn = (turn + 1) % clients.length;
    const decision = await clients[turn]?.authorize({
      principal: { type: 'User', id: person },
      action: 'read',
      resource: { type: 'Database', id: database },
    });
    if (decision === undefined) return 'failed';
    if (decision.effect !== 'error') return decision.answer.grantId === grantId ? 'good' : 'wrong';
    const { code } = decision.error;
    return code === 'RESOURCE_EXHAUSTED' ? 'refused' : code === 'DEADLINE_EXCEEDED' ? 'timedOut' : 'failed';
  };
}

/** By clients that know nothing of waiting. */
function askStubbornly({ address, token }: Offer): Ask {
  const sessions = Array.from({ length: CONNECTIONS }, () => open(address));
  const frames = new Map(questions.map((asked) => [asked, frameOf(asked)]));
  let turn = 0;
  let underWay = 0;
  return async (asked) => {
    turn = (turn + 1) % sessions.length;
    let session = sessions[turn];
    // A service ends connections on which too many calls are given up.
    if (session?.closed === true) sessions[turn] = session = open(address);
    const frame = frames.get(asked);
    if (session === undefined || frame === undefined) return 'failed';
    if (underWay >= MOST_UNDER_WAY) return 'unsent';
    underWay += 1;
    try {
      return await askOnce(session, { asked, frame, token });
    } finally {
      underWay -= 1;
    }
  };
}

function open(address: string): ClientHttp2Session {
  return connect(`http://${address}`).on('error', () => undefined); // its calls fail
}

interface RawCall {
  readonly asked: Asked;
  readonly frame: Buffer;
  readonly token: string;
}

function askOnce(session: ClientHttp2Session, { asked, frame, token }: RawCall): Promise<Result> {
  const { promise, resolve } = Promise.withResolvers<Result>();
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/grpc',
    'grpc-timeout': `${TIMEOUT_MS}m`,
    te: 'trailers',
    authorization: `Bearer ${token}`,
  });
  const late = setTimeout(() => {
    resolve('timedOut');
    stream.close(8);
  }, TIMEOUT_MS);
  let bytes: Buffer | undefined;
  const read = (headers: object): void => {
    const status: unknown = Reflect.get(headers, 'grpc-status');
    if (status === undefined) return;
    if (status === '0') resolve(isRight(bytes, asked) ? 'good' : 'wrong');
    else resolve(status === '8' ? 'refused' : status === '4' ? 'timedOut' : 'failed');
  };
  stream.on('response', read).on('trailers', read);
  stream.on('data', (chunk: Buffer) => (bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk])));
  stream.on('error', () => resolve('failed'));
  stream.on('close', () => {
    clearTimeout(late);
    resolve('failed');
  });
  stream.end(frame);
  return promise;
}

function isRight(bytes: Buffer | undefined, { grantId }: Asked): boolean {
  if (bytes === undefined) return false;
  const answer = fromBinary(AuthorizeResponseSchema, bytes.subarray(5));
  return answer.effect === (grantId === '' ? Effect.DENY : Effect.ALLOW) && answer.grantId === grantId;
}

function frameOf({ person, database }: Asked): Buffer {
  const message = toBinary(
    AuthorizeRequestSchema,
    create(AuthorizeRequestSchema, {
      principal: { type: 'User', id: person },
      action: { id: 'read' },
      resource: { type: 'Database', id: database },
    }),
  );
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}
