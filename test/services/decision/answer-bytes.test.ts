import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import { answerBytes } from '../../../services/decision/answer-bytes.ts';
import { toResponse } from '../../../services/decision/to-response.ts';
import { localDecision } from './local-decision.ts';
import { person } from './people.ts';
import { policyFiles } from './policy-files.ts';

it('an answer says the same however it is encoded, by a decision that is kept as well', async () => {
  const local = await localDecision(await policyFiles());
  const { kept, ...answer } = local.ask({ principal: person('kim') });
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
      ({ decidedMs, validForMs, ...own }) => {
        const validUntil = validForMs === null ? undefined : new Date(decidedMs + validForMs);
        const said: Answer = {
          ...answer,
          ...own,
          decidedAt: new Date(decidedMs),
          validUntil,
          kept: undefined,
        };
        const again: Answer = { ...said, kept: { ...kept!, encoded: undefined, settled: said } }; // it is kept
        for (const each of [said, again, again])
          expect(fromBinary(AuthorizeResponseSchema, answerBytes(each, false))).toEqual(
            toResponse(said, false),
          );
      },
    ),
  );
});
