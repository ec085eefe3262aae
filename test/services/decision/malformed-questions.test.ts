import { fromBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { answerAt } from '../../../services/decision/authorize.ts';
import { checkRevision } from '../../../services/decision/await-revision.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import { checkQuestionSize, readQuestion } from '../../../services/decision/question.ts';
import { type Asked, type LocalDecision, localDecision } from './local-decision.ts';
import { malformed } from './malformed.ts';
import { attributes, goodContext, long, person, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';

/** What the route does with the bytes of a call, but for the waiting. */
function answer({ context, clock }: LocalDecision, bytes: Buffer): string {
  try {
    checkQuestionSize(bytes.byteLength, 'the question');
    const question = readQuestion(fromBinary(AuthorizeRequestSchema, bytes, { recursionLimit: 1_000 }));
    checkRevision(context.followed, question.atLeastRevision, 'at_least_revision');
    return answerAt(context, momentOf(clock, 0), person('kim'), question).settled.effect;
  } catch (error) {
    if (error instanceof AccessError) return error.reason;
    return error instanceof Error ? 'FIELD_INVALID' : 'unknown'; // the decoder's own error, as core/rpc answers it
  }
}

it('D2 a hundred thousand malformed questions, then a thousand good ones, all answered right', async () => {
  const local = await localDecision(await policyFiles());
  const { engine } = local.replica;
  const kinds = [...malformed.values()].filter(({ request }) => request.byteLength < 5_000);
  expect(kinds.length).toBeGreaterThan(10);
  for (let sent = 0; sent < 100_000; sent += 1) {
    const { request, reason } = kinds[sent % kinds.length] ?? expect.unreachable();
    const seen = answer(local, request);
    if (seen !== reason) expect.fail(`seen ${seen}, wanted ${reason}`);
  }
  const tooHeavy = attributes({ ...goodContext, weight: long(2n ** 63n - 1n) });
  const table: readonly (readonly [Asked, string])[] = [
    [{ principal: person('kim') }, 'ALLOW'],
    [{ principal: person('otto') }, 'DENY'],
    [{ principal: person('kim'), resource: vault('secret') }, 'ALLOW'],
    [{ principal: person('kim'), context: tooHeavy }, 'DENY'],
  ];
  for (let round = 0; round < 250; round += 1) {
    expect(table.map(([asked]) => local.ask(asked).effect)).toEqual(table.map(([, effect]) => effect));
  }
  expect(engine.replacedInstances).toBe(0);
}, 120_000);
