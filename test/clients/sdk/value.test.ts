import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CurfewError } from '../../../clients/sdk/curfew-error.ts';
import { encodeMessage } from '../../../clients/sdk/message-bytes.ts';
import { entity, extension, fromValue, type PlainValue, toValue } from '../../../clients/sdk/value.ts';
import { EntityUidSchema, ValueSchema } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';

const leaf: fc.Arbitrary<PlainValue> = fc.oneof(
  fc.boolean(),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.record({ type: fc.string(), id: fc.string() }).map(({ type, id }) => entity(type, id)),
  fc.ipV4().map((address) => extension('ip', address)),
);

const { tree } = fc.letrec<{ tree: PlainValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 8 },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

/** A record of two fields, so that `path` in errors can be looked at. */
function refusal(plain: unknown): CurfewError {
  try {
    toValue(plain as PlainValue, 'context.n'); // callers of plain JavaScript pass anything
  } catch (error) {
    return CurfewError.from(error);
  }
  throw new Error(`taken: ${String(plain)}`);
}

describe('toValue', () => {
  test('every value comes back over the wire as it went out', () => {
    fc.assert(
      fc.property(tree, (plain) => {
        const bytes = encodeMessage(ValueSchema, toValue(plain));
        expect(fromValue(fromBinary(ValueSchema, bytes))).toEqual(plain);
      }),
    );
  });

  test('D4 integers are exact up to the bounds of int64 and refused beyond them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const isInt64 = BigInt.asIntN(64, integer) === integer;
        if (isInt64) expect(fromValue(toValue(integer))).toBe(integer);
        else
          expect(refusal(integer).message).toContain(
            `seen ${integer}, wanted an integer from -9223372036854775808`,
          );
      }),
      {
        examples: [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 53n + 1n].map((it) => [
          it,
        ]),
      },
    );
  });

  test.each([
    [1.5, 'context.n: seen 1.5, wanted an integer; a fraction is extension(\'decimal\', "1.5")'],
    [2 ** 53, 'context.n: seen 9007199254740992, wanted a bigint: a number is not exact beyond 2^53'],
    [Number.NaN, 'context.n: seen NaN, wanted an integer'],
    [Number.POSITIVE_INFINITY, 'context.n: seen Infinity, wanted an integer'],
    [undefined, 'context.n: seen undefined, wanted a Cedar value or no key at all'],
    [null, 'context.n: seen null, wanted a Cedar value or no key at all'],
    [{ deep: [{ mfa: undefined }] }, 'context.n.deep[0].mfa: seen undefined'],
    [() => true, 'context.n: seen function'],
    [Symbol('x'), 'context.n: seen symbol'],
    [new Map([['mfa', true]]), 'context.n: seen a Map, wanted a plain object, an array or a Set'],
    [new Date(Number.NaN), 'context.n: seen an invalid Date'],
  ])('D17 %s is refused and named', (plain, message) => {
    const error = refusal(plain);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID' });
    expect(error.message).toContain(message);
  });

  test('a cycle is refused', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(refusal(cycle).message).toContain('nests deeper than 16 levels');
  });

  test('a plain object with type and id is a record, not a reference', () => {
    expect(toValue({ type: 'User', id: 'ada' }).kind.case).toBe('recordValue');
    expect(toValue(entity('User', 'ada')).kind.case).toBe('entityValue');
  });

  test('a Date is a datetime', () => {
    expect(toValue(new Date(0))).toEqual(toValue(extension('datetime', '1970-01-01T00:00:00.000Z')));
  });
});

test('half a surrogate pair is refused before it becomes the name of something else', () => {
  expect(() => encodeMessage(EntityUidSchema, { type: 'User', id: 'ada\ud800' })).toThrow(
    'id: seen "ada\\ud800", wanted well-formed Unicode',
  );
});
