import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import { answerBytes } from '../../../services/decision/answer-bytes.ts';
import type { Kept } from '../../../services/decision/memo.ts';
import { toResponse } from '../../../services/decision/to-response.ts';
import { localDecision } from './local-decision.ts';
import { person } from './people.ts';
import { policyFiles } from './policy-files.ts';

/** Of a kept decision, what is not answered. */
const nothingElse = {
  principal: person('kim'),
  generation: 0,
  locks: 0,
  grants: 0,
  revision: 0n,
  fromMs: 0,
  earlyMs: 0,
  untilMs: 0,
  encoded: undefined,
};

it('an answer says the same however it is encoded, by a decision that is kept as well', async () => {
  const local = await localDecision(await policyFiles());
  const answer = local.ask({ principal: person('kim') });
  const ms = fc.integer({ min: 0, max: 4_102_444_800_000 });
  const words = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.record({
        decidedMs: ms,
        validForMs: fc.option(fc.integer({ min: -1_000, max: 10 ** 10 })),
        revision: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
        mayBeKept: fc.boolean(),
        decisionId: fc.uuid(),
        effect: fc.constantFrom('ALLOW' as const, 'DENY' as const),
        policyIds: words,
        advice: words,
      }),
      ({ decidedMs, validForMs, revision, mayBeKept, decisionId, ...decided }) => {
        const validUntil = validForMs === null ? undefined : new Date(decidedMs + validForMs);
        const settled = { ...answer.settled, ...decided, validUntil };
        const own = { revision, mayBeKept, decisionId, decidedAt: new Date(decidedMs) };
        const said: Answer = { ...answer, ...own, settled, kept: undefined };
        const kept: Kept = { ...settled, ...nothingElse };
        const again: Answer = { ...said, settled: kept, kept };
        for (const each of [said, again, again])
          expect(fromBinary(AuthorizeResponseSchema, answerBytes(each, false))).toEqual(
            toResponse(said, false),
          );
      },
    ),
  );
});
