import { status as Code } from '@grpc/grpc-js';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import {
  type BatchAuthorizeResult,
  DecisionService,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { ErrorInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import type { Asked } from './local-decision.ts';
import { action, attributes, entity, goodContext, long, person, robot, text } from './people.ts';
import { createScene, type Scene, wireQuestion } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await createScene();
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

const kim = person('kim');
const otto = person('otto');

type Question = ReturnType<typeof wireQuestion>;

async function batch(requests: readonly Question[], caller: EntityUid = robot('door')) {
  const method = DecisionService.method.batchAuthorize;
  return await scene.client.unary(method, { requests: [...requests] }, await scene.options(caller));
}

/** The effect, or the reason why there is none. */
function brief({ result }: BatchAuthorizeResult): string {
  if (result.case === 'response') return result.value.effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
  const info = result.value?.details.map((any) => anyUnpack(any, ErrorInfoSchema))[0];
  return info?.reason ?? 'no reason';
}

const ask = (asked: Asked): Question => wireQuestion(asked);

/** A question of more than 64 KiB. */
function large(): Question {
  const context = attributes({ ...goodContext, note: text('x'.repeat(70_000)) });
  return ask({ principal: kim, context });
}

describe('BatchAuthorize', () => {
  it('answers in the order asked, the bad questions with an error of their own', async () => {
    const { results } = await batch([
      ask({ principal: kim }),
      ask({ principal: otto }),
      ask({ principal: kim, action: action('opne') }),
      large(),
      ask({ principal: kim, entities: [entity(otto)] }),
      { ...ask({ principal: kim }), context: {} },
      ask({ principal: kim, atLeastRevision: -1n }),
      ask({ principal: kim, atLeastRevision: 2n ** 60n }),
      ask({ principal: kim, explain: true }),
      ask({ principal: kim }),
    ]);
    expect(results.map(brief)).toEqual([
      'ALLOW',
      'DENY',
      'ACTION_UNKNOWN',
      'TOO_MUCH',
      'ENTITY_NOT_CALLERS',
      'FIELD_INVALID',
      'FIELD_INVALID',
      'REVISION_UNREACHABLE',
      'NOT_PERMITTED',
      'ALLOW',
    ]);
    const unknown = results[2]?.result;
    expect(unknown).toMatchObject({ case: 'status', value: { code: Code.INVALID_ARGUMENT } });
    expect(unknown?.case === 'status' && unknown.value.message).toContain('requests[2].action');
  });

  it('answers all at one instant and one revision, each with an id of its own', async () => {
    const write = (index: number) => scene.put([entity(person(`new ${index}`), [], { clearance: long(1n) })]);
    const questions = Array.from({ length: 100 }, () => ask({ principal: kim }));
    const [{ results }] = await Promise.all([batch(questions), ...[1, 2, 3, 4].map(write)]);
    const answers = results.map(({ result }) => (result.case === 'response' ? result.value : undefined));
    expect(new Set(answers.map((answer) => answer?.effect))).toEqual(new Set([Effect.ALLOW]));
    expect(new Set(answers.map((answer) => answer?.revision)).size).toBe(1);
    expect(
      new Set(answers.map((answer) => `${answer?.decidedAt?.seconds}.${answer?.decidedAt?.nanos}`)).size,
    ).toBe(1);
    expect(new Set(answers.map((answer) => answer?.decisionId)).size).toBe(100);
  });

  it('waits once, for the latest revision that is asked for', async () => {
    const head = scene.service.followed.replica.revision;
    const waiting = batch([ask({ principal: kim }), ask({ principal: kim, atLeastRevision: head + 1n })]);
    await scene.put([entity(person('late'), [], { clearance: long(1n) })]);
    const { results } = await waiting;
    expect(results.map(brief)).toEqual(['ALLOW', 'ALLOW']);
    const [first] = results;
    expect(first?.result.case === 'response' && first.result.value.revision).toBeGreaterThan(head);
  });

  it('answers the others when a revision does not come', async () => {
    const head = scene.service.followed.replica.revision;
    const { results } = await batch([
      ask({ principal: kim, atLeastRevision: head + 5n }),
      ask({ principal: kim, atLeastRevision: head }),
    ]);
    expect(results.map(brief)).toEqual(['REVISION_NOT_REACHED', 'ALLOW']);
  });

  it('takes 500 questions', async () => {
    const { results } = await batch(Array.from({ length: 500 }, () => ask({ principal: person('nobody') })));
    expect(results).toHaveLength(500);
    expect(new Set(results.map(brief))).toEqual(new Set(['DENY']));
  });

  it.each([0, 501])('of %d questions is refused as a whole', async (count) => {
    const requests = Array.from({ length: count }, () => ask({ principal: kim }));
    expect(await refusalOf(batch(requests))).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason: 'FIELD_INVALID',
      violations: [{ field: 'requests', description: `seen ${count}, wanted 1 to 500` }],
    });
  });

  it('takes 50 questions to be explained, and not one more', async () => {
    const asked = (count: number) =>
      Array.from({ length: 60 }, (_, index) => ask({ principal: otto, explain: index < count }));
    expect((await batch(asked(50), otto)).results.map(brief)).toEqual(
      Array.from({ length: 60 }, () => 'DENY'),
    );
    expect(await refusalOf(batch(asked(51), otto))).toMatchObject({
      reason: 'FIELD_INVALID',
      violations: [
        { field: 'requests', description: 'seen 51 questions with explain, wanted at most 50 in one batch' },
      ],
    });
  });

  it('of more than a mebibyte is refused as a whole, and the next is answered', async () => {
    expect(await refusalOf(batch(Array.from({ length: 20 }, large)))).toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      reason: 'TOO_MUCH',
    });
    expect((await batch([ask({ principal: kim })])).results.map(brief)).toEqual(['ALLOW']);
  });

  it('checks the right for each question', async () => {
    const { results } = await batch([ask({ principal: otto }), ask({ principal: kim })], otto);
    expect(results.map(brief)).toEqual(['DENY', 'NOT_PERMITTED']);
  });
});
