import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { EdgeCache } from '../../../../clients/sdk/edge/edge-cache.ts';
import { look } from '../../../../clients/sdk/edge/instant.ts';
import { type Decision, toDecision } from '../../../../clients/sdk/decision.ts';
import { entity, type Question } from '../../../../clients/sdk/index.ts';
import {
  AuthorizeResponseSchema,
  ChangeSchema,
  Effect,
  HeartbeatSchema,
} from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';

const ada = { type: 'User', id: 'ada' };
const question: Question = {
  principal: ada,
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};
const AT = timestampFromDate(new Date('2026-01-01T00:00:00Z'));
const LATER = timestampFromDate(new Date('2096-01-01T00:00:00Z'));
const LIMITS = { timeoutMs: 200 };

let cache: EdgeCache;
/** What was asked of the service. */
let asked: Question[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  cache = new EdgeCache({ mostEntries: 10, principals: undefined });
  asked = [];
  return () => vi.useRealTimers();
});

type Answer = Parameters<typeof create<typeof AuthorizeResponseSchema>>[1];

function answer(fields: Answer = {}): Decision {
  return toDecision(
    create(AuthorizeResponseSchema, {
      effect: Effect.ALLOW,
      decisionId: 'd',
      decidedAt: AT,
      revision: 5n,
      policyDigest: 'p',
      mayBeKept: true,
      ...fields,
    }),
  );
}

function hear(revision: bigint, { policyDigest = 'p', pollAgeMs = 0 } = {}): boolean {
  const now = look();
  const heartbeat = create(HeartbeatSchema, {
    revision,
    policyDigest,
    pollAge: durationFromMs(pollAgeMs),
    elapsed: durationFromMs(0),
    stalenessBound: durationFromMs(2_000),
  });
  return cache.hear(heartbeat, now, now);
}

async function ask(of: Question, ...answers: readonly Decision[]): Promise<Decision> {
  return await cache.ask(of, LIMITS, async (sent) => {
    asked.push(sent);
    return answers[asked.length - 1] ?? answer();
  });
}

const isKept = (of: Question = question): boolean => cache.find(of, undefined) !== undefined;

test('an answer is given again until its lease ends, by the age of the poll that the heartbeat tells of', async () => {
  hear(5n, { pollAgeMs: 500 });
  await ask(question);
  expect(isKept()).toBe(true);
  vi.advanceTimersByTime(1_499);
  expect(isKept()).toBe(true);
  vi.advanceTimersByTime(1);
  expect(isKept()).toBe(false);
  hear(5n);
  expect(isKept()).toBe(true);
});

test('nothing is kept before a heartbeat, nor after the stream ended', async () => {
  await ask(question);
  expect(isKept()).toBe(false);
  hear(5n);
  await ask(question);
  cache.end();
  hear(5n);
  expect(isKept()).toBe(false);
});

describe('an answer that is older than the stream', () => {
  test('is asked for again at the revision of the stream, in what is left of the time', async () => {
    hear(9n);
    const newer = await ask(
      question,
      answer({ revision: 8n }),
      answer({ revision: 9n, effect: Effect.DENY }),
    );
    expect(asked.map(({ atLeastRevision }) => atLeastRevision)).toEqual([undefined, 9n]);
    expect(newer.effect).toBe('deny');
    expect(cache.find(question, undefined)?.effect).toBe('deny');
  });

  test('is not kept when the second is older as well, and is not asked for a third time', async () => {
    hear(9n);
    await ask(question, answer({ revision: 8n }), answer({ revision: 8n }));
    expect(asked).toHaveLength(2);
    expect(isKept()).toBe(false);
  });

  test('that was told of while it was under way is not kept', async () => {
    hear(5n);
    await cache.ask(question, LIMITS, async () => {
      cache.forget(create(ChangeSchema, { revision: 6n, entities: [ada] }));
      return answer({ revision: 5n });
    });
    expect(isKept()).toBe(false);
  });
});

test.each<[string, Answer]>([
  ['the service says may not be: one whose use counts', { mayBeKept: false }],
  ['is stale', { stale: true }],
  ['was made by other policies', { policyDigest: 'q' }],
  ['ends at some time and does not say after how long', { validUntil: LATER }],
])('an answer that %s is not kept', async (_, fields) => {
  hear(5n);
  await ask(question, answer(fields));
  expect(isKept()).toBe(false);
});

test.each<[string, Partial<Question>]>([
  ['uses a grant', { useId: 'once' }],
  ['is to be explained', { explain: true }],
  ['is a rehearsal', { dryRun: true }],
])('a question that %s is asked each time', async (_, more) => {
  hear(5n);
  await ask({ ...question, ...more });
  await ask(question);
  expect(isKept()).toBe(true);
  expect(isKept({ ...question, ...more })).toBe(false);
});

test('an answer holds for as long as it says, from when it was asked for', async () => {
  hear(5n);
  const validFor = durationFromMs(1_000);
  await cache.ask(question, LIMITS, async () => {
    vi.advanceTimersByTime(300);
    return answer({ validUntil: LATER, validFor });
  });
  vi.advanceTimersByTime(699);
  expect(isKept()).toBe(true);
  vi.advanceTimersByTime(1);
  expect(isKept()).toBe(false);
});

test('a change forgets what names one of its entities, in the context too; other policies forget everything', async () => {
  hear(5n);
  const about = { ...question, context: { peer: entity('User', 'bob') } };
  for (const each of [question, about]) await ask(each);
  expect([isKept(), isKept(about)]).toEqual([true, true]);
  cache.forget(create(ChangeSchema, { revision: 6n, entities: [{ type: 'User', id: 'bob' }] }));
  expect([isKept(), isKept(about)]).toEqual([true, false]);
  hear(6n, { policyDigest: 'q' });
  expect(cache.status).toMatchObject({ entries: 0, isLive: true });
});

test('a stream that lags is begun anew', () => {
  const askedAt = look();
  vi.advanceTimersByTime(1_500);
  const heartbeat = create(HeartbeatSchema, { revision: 5n, policyDigest: 'p', elapsed: durationFromMs(0) });
  expect(cache.hear(heartbeat, askedAt, look())).toBe(true);
  expect(cache.status.isLive).toBe(false);
});
