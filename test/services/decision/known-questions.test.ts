import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { createKnownQuestions } from '../../../services/decision/known-questions.ts';
import type { Kept } from '../../../services/decision/memo.ts';

/** What was noted is known by being this very object. */
const known = (): Kept => ({}) as Kept; // never looked into

const encoded = (request: MessageInitShape<typeof AuthorizeRequestSchema>): Uint8Array =>
  toBinary(AuthorizeRequestSchema, create(AuthorizeRequestSchema, request));

const asked = (note: string, useId = '') =>
  encoded({
    principal: { type: 'Person', id: 'kim' },
    action: { type: 'Action', id: 'open' },
    resource: { type: 'Vault', id: 'plain' },
    context: { note: { kind: { case: 'stringValue', value: note } } },
    useId,
  });

describe('questions that are known by their bytes', () => {
  it('are the same whatever their use is named by a UUID, or not at all', () => {
    const [unnamed, named] = [createKnownQuestions(10), createKnownQuestions(10)];
    const first = known();
    unnamed.note(asked('a'), '', first);
    const useId = randomUUID();
    named.note(asked('a', useId), useId, first);
    for (const questions of [unnamed, named]) {
      expect(questions.find(asked('a'))).toBe(first);
      expect(questions.find(asked('a', randomUUID()))).toBe(first);
      expect(questions.find(asked('b', useId))).toBeUndefined();
    }
  });

  it('are not kept when their use has a name of another kind, which nobody says again', () => {
    const questions = createKnownQuestions(10);
    questions.note(asked('a', 'order 7'), 'order 7', known());
    expect(questions.find(asked('a', 'order 7'))).toBeUndefined();
    expect(questions.find(asked('a'))).toBeUndefined();
  });

  it('are not found by what is no text where the name should be: the decoder says so', () => {
    const questions = createKnownQuestions(10);
    questions.note(asked('a'), '', known());
    const bytes = asked('a', randomUUID());
    bytes[bytes.length - 1] = 0xff;
    expect(questions.find(bytes)).toBeUndefined();
  });

  it('D5 are never another question, whatever stands where a name of a use could', () => {
    // Few, so that questions come to differ in nothing else.
    const id = fc.constantFrom(randomUUID(), randomUUID(), randomUUID());
    const lookAlike = id.map((it) => `J$${it}`);
    const text = fc.array(fc.oneof(fc.constantFrom('', 'x', 'J$', 'J'), lookAlike), { maxLength: 3 });
    const uuid = fc.option(id, { nil: '' });
    // Fields may come in any order, and one twice: the last of it counts.
    const question = fc.record({
      note: text.map((parts) => parts.join('')),
      uses: fc.array(uuid, { maxLength: 2 }),
      isFirst: fc.boolean(),
    });
    const bytesOf = ({
      note,
      uses,
      isFirst,
    }: {
      note: string;
      uses: readonly string[];
      isFirst: boolean;
    }) => {
      const named = uses.map((useId) => encoded({ useId }));
      return new Uint8Array(Buffer.concat(isFirst ? [...named, asked(note)] : [asked(note), ...named]));
    };
    let found = 0;
    fc.assert(
      fc.property(fc.array(question, { minLength: 2, maxLength: 8 }), (all) => {
        const questions = createKnownQuestions(100);
        const noteOf = new Map<Kept, string>();
        for (const one of [...all, ...all]) {
          const bytes = bytesOf(one);
          const before = questions.find(bytes);
          if (before !== undefined) expect(noteOf.get(before)).toBe(one.note);
          if (before !== undefined) found += 1;
          const it = known();
          noteOf.set(it, one.note);
          questions.note(bytes, one.uses.findLast((useId) => useId !== '') ?? '', it);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(found).toBeGreaterThan(1_000);
  });
});
