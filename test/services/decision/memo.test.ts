import { randomUUID } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import { uidKey } from '../../../core/access/entity.ts';
import type { CallContext } from '../../../core/rpc/route.ts';
import { createLogger } from '../../../core/runtime/log.ts';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  BatchAuthorizeResponseSchema,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import { answerAt } from '../../../services/decision/authorize.ts';
import { authorizeInBytes } from '../../../services/decision/authorize-in-bytes.ts';
import { batchInBytes } from '../../../services/decision/batch-in-bytes.ts';
import { createMemo, noMemo } from '../../../services/decision/memo.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import { anyChange, QUESTIONS } from './any-change.ts';
import { decided, type LocalDecision, localDecision, questionOf } from './local-decision.ts';
import { action, attributes, goodContext, ip, person, text, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';
import { wireQuestion } from './scene.ts';

const minuteMs = 60_000;

type Said = Omit<Answer, 'decisionId' | 'kept'> | { readonly refused: string };

function said(
  local: LocalDecision,
  memo: LocalDecision['context']['memo'],
  question: (typeof QUESTIONS)[number],
): Said {
  const context = { ...local.context, memo };
  try {
    const {
      decisionId: _,
      kept: __,
      settled,
      ...answer
    } = answerAt(context, momentOf(local.clock, context.staleStandingMs), question.principal, question);
    return { ...answer, settled: decided(settled) };
  } catch (error) {
    return { refused: String(error) };
  }
}

type Memo = LocalDecision['context']['memo'];

/** The replica stands at the revision that the ledger has reached, always. */
function followItself({ context, replica }: LocalDecision): void {
  Object.defineProperty(context.followed.follower, 'revision', { get: () => replica.revision });
}

function bytesOf(question: (typeof QUESTIONS)[number]): Uint8Array {
  return toBinary(AuthorizeRequestSchema, create(AuthorizeRequestSchema, wireQuestion(question)));
}

function callOf(caller: EntityUid): CallContext {
  const { signal } = new AbortController();
  return { caller: { uid: caller }, signal, requestBytes: 0, weigh: () => undefined };
}

async function saidInBytes(local: LocalDecision, memo: Memo, caller: EntityUid, bytes: Uint8Array) {
  try {
    const answer = await authorizeInBytes({ ...local.context, memo }, bytes, callOf(caller));
    return { ...fromBinary(AuthorizeResponseSchema, answer), decisionId: '' };
  } catch (error) {
    return String(error);
  }
}

async function saidTogether(
  local: LocalDecision,
  memo: Memo,
  caller: EntityUid,
  questions: readonly Uint8Array[],
) {
  const context = { ...local.context, memo };
  const log = createLogger('test', 'silent');
  const batch = new BinaryWriter();
  for (const question of questions) batch.tag(1, WireType.LengthDelimited).bytes(question);
  const answer = await batchInBytes(context, batch.finish(), callOf(caller), log);
  return fromBinary(BatchAuthorizeResponseSchema, answer).results.map(({ result }) =>
    result.case === 'response' ? { ...result.value, decisionId: '' } : result.value,
  );
}

/** That of most tests, and one that permits something else. */
async function twoPolicySets() {
  const guards =
    '@id("open") permit (principal in Team::"guards", action, resource) when { context has grant };';
  return { files: await policyFiles(), other: await policyFiles({ 'access/vaults.cedar': guards }) };
}

describe('decisions that are remembered', () => {
  it('D5 are those that would be made anew, whatever has changed in between', {
    timeout: 120_000,
  }, async () => {
    const { files, other } = await twoPolicySets();
    let recalled = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { maxLength: 12 }), async (changes) => {
        const local = await localDecision(files);
        const memo = createMemo(1_000);
        const noted = <K>(kept: K): K => {
          if (kept !== undefined) recalled += 1;
          return kept;
        };
        const watched: typeof memo = {
          ...memo,
          recall: (asked) => noted(memo.recall(asked)),
          recallUnchecked: (asked) => noted(memo.recallUnchecked(asked)),
        };
        const compare = (): void => {
          for (const question of QUESTIONS.flatMap((each) => [each, { ...each, useId: randomUUID() }]))
            expect(said(local, watched, question)).toEqual(said(local, noMemo, question));
        };
        for (const change of changes) {
          compare();
          await change(local, other, files);
          compare();
        }
      }),
      { numRuns: 60 },
    );
    expect(recalled).toBeGreaterThan(1_000);
  });

  it('D5 are those that would be made anew for whoever sends the same bytes, one question or many at a time', {
    timeout: 120_000,
  }, async () => {
    const { files, other } = await twoPolicySets();
    let known = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { maxLength: 12 }), async (changes) => {
        const local = await localDecision(files);
        followItself(local);
        const memo = createMemo(1_000);
        const compare = async (): Promise<void> => {
          // As the SDK asks, which names each use, and as others do.
          const all = QUESTIONS.flatMap((each) => [each, { ...each, useId: randomUUID() }]);
          const asked = all.map((question) => ({ question, bytes: bytesOf(question) }));
          known += asked.filter(({ bytes }) => memo.known.find(bytes) !== undefined).length;
          for (const { question, bytes } of asked) {
            const anew = await saidInBytes(local, noMemo, question.principal, bytes);
            expect(await saidInBytes(local, memo, question.principal, bytes)).toEqual(anew);
          }
          const caller = QUESTIONS[0]!.principal; // there are some
          const together = asked.map(({ bytes }) => bytes);
          const anew = await saidTogether(local, noMemo, caller, together);
          expect(await saidTogether(local, memo, caller, together)).toEqual(anew);
        };
        for (const change of changes) {
          await compare();
          await change(local, other, files);
          await compare();
        }
      }),
      { numRuns: 30 },
    );
    expect(known).toBeGreaterThan(500);
  });

  it('of a good question are not given to a bad one that differs only in what no policy reads', async () => {
    const local = await localDecision(await policyFiles());
    const principal = person('kim');
    const good = questionOf({ principal });
    const bad = { ...good, context: new Map([...good.context, ['undeclared', text('x')]]) };
    expect(said(local, local.context.memo, good)).toMatchObject({ settled: { effect: 'ALLOW' } });
    expect(said(local, local.context.memo, bad)).toEqual(said(local, noMemo, bad));
    expect(said(local, local.context.memo, bad)).toHaveProperty('refused');
  });

  it('D5 are no other question’s, whatever separators its ids have', async () => {
    const local = await localDecision(await policyFiles());
    const memo = createMemo(100);
    const parts = fc.constantFrom('', '"', ':', '1:', '::"', '\\', '6:Person', 'Person', '\0', '[', 'a');
    const id = fc.array(parts, { minLength: 1, maxLength: 4 }).map((some) => some.join(''));
    const asked = fc.record({ who: id, where: id, note: id });
    const question = ({ who, where, note }: { who: string; where: string; note: string }) =>
      questionOf({
        principal: person(who),
        resource: vault(where),
        context: attributes({ ...goodContext, note: text(note) }),
      });
    const keyed = ({ who, where, note }: { who: string; where: string; note: string }): string =>
      JSON.stringify([who, where, note]);
    const seen = new Map<object, string>();
    fc.assert(
      fc.property(asked, (words) => {
        const { replica, clock } = local;
        const context = local.context;
        const found = {
          replica,
          question: question(words),
          action: replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
          moment: momentOf(clock, context.staleStandingMs),
        };
        const known = memo.recall(found);
        if (known === undefined) {
          const advice = ['known by being this very list'];
          memo.keep(found, { ...local.ask({ principal: person('kim') }).settled, advice });
          seen.set(advice, keyed(words));
        } else expect(seen.get(known.advice)).toBe(keyed(words));
      }),
      { numRuns: 2_000 },
    );
    expect(seen.size).toBeGreaterThan(100);
  });

  it('are not kept where a grant that is locked for a while could be the one that permits', async () => {
    const local = await localDecision(await policyFiles());
    const now = local.machine.wall;
    const held = { subject: person('otto'), startsAt: new Date(now) };
    const [longer, shorter] = [
      await local.start({ ...held, expiresAt: new Date(now + 9 * minuteMs) }),
      await local.start({ ...held, expiresAt: new Date(now + 5 * minuteMs) }),
    ];
    await local.apply({
      kind: 'LOCK_CREATED',
      at: new Date(now),
      actor: uidKey(person('cem')),
      lockId: randomUUID(),
      target: { kind: 'grant', grantId: longer },
      createdBy: person('cem'),
      expiresAt: new Date(now + minuteMs),
      text: 'a reason',
    });
    expect(local.ask({ principal: person('otto') }).grant?.id).toBe(shorter);
    local.machine.advance(2 * minuteMs);
    local.poll();
    expect(local.ask({ principal: person('otto') }).grant?.id).toBe(longer);
  });

  it('are kept for what policies read of the context, and not for the rest of it', async () => {
    const local = await localDecision(await policyFiles());
    const principal: EntityUid = person('kim');
    const found = (context: Readonly<Record<string, ReturnType<typeof text>>>) => ({
      replica: local.replica,
      question: questionOf({ principal, context: attributes({ ...goodContext, ...context }) }),
      action: local.replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
      moment: momentOf(local.clock, local.context.staleStandingMs),
    });
    const memo = createMemo(100);
    const { settled } = local.ask({ principal });
    memo.keep(found({}), settled);
    expect(memo.recall(found({}))?.advice).toBe(settled.advice);
    expect(memo.recall(found({ note: text('sealed') }))).toBeUndefined();
    expect(memo.recall(found({ from: ip('10.9.9.9') }))).toBeUndefined();
  });

  it('are forgotten when there are too many, those that nobody asks for first', async () => {
    const local = await localDecision(await policyFiles());
    const memo = createMemo(10);
    const { settled } = local.ask({ principal: person('kim') });
    const found = (id: string) => ({
      replica: local.replica,
      question: questionOf({ principal: person(id) }),
      action: local.replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
      moment: momentOf(local.clock, local.context.staleStandingMs),
    });
    memo.keep(found('often'), settled);
    for (let other = 0; other < 100; other += 1) {
      expect(memo.recall(found('often'))?.advice).toBe(settled.advice);
      memo.keep(found(`person${other}`), settled);
    }
    expect(memo.recall(found('person3'))).toBeUndefined();
    expect(memo.recall(found('person99'))?.advice).toBe(settled.advice);
  });
});
