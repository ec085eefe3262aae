import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Entity, Value } from '../../../core/access/entity.ts';
import { dateFromTimestamp, msFromDuration } from '../../../core/rpc/time.ts';
import { fromProtoAction, fromProtoUid, toProtoUid } from '../../../core/rpc/uid.ts';
import {
  fromProtoContext,
  fromProtoEntity,
  fromProtoValue,
  toProtoEntity,
  toProtoValue,
} from '../../../core/rpc/values.ts';
import {
  EntitySchema,
  EntityUidSchema,
  type Value as ProtoValue,
  ValueSchema,
} from '../../../proto/gen/curfew/type/v1/entity_pb.ts';

function errorOf(act: () => unknown): AccessError {
  try {
    act();
  } catch (error) {
    if (error instanceof AccessError) {
      return error;
    }
    throw error;
  }
  throw new Error('wanted an AccessError');
}

const uid = (type: string, id: string) => create(EntityUidSchema, { type, id });
const bool = (): ProtoValue => create(ValueSchema, { kind: { case: 'boolValue', value: true } });

/** Through the wire, as another process would see it. */
function overTheWire(value: Value): Value {
  return fromProtoValue(fromBinary(ValueSchema, toBinary(ValueSchema, toProtoValue(value))), 'v');
}

describe('values', () => {
  const values: readonly [string, Value][] = [
    ['true', { kind: 'bool', value: true }],
    ['false', { kind: 'bool', value: false }],
    ['the greatest integer', { kind: 'long', value: 9_223_372_036_854_775_807n }],
    ['the least integer', { kind: 'long', value: -9_223_372_036_854_775_808n }],
    ['2^53 + 1', { kind: 'long', value: 9_007_199_254_740_993n }],
    ['-(2^53 + 1)', { kind: 'long', value: -9_007_199_254_740_993n }],
    ['zero', { kind: 'long', value: 0n }],
    ['an empty text', { kind: 'string', value: '' }],
    ['a text with everything', { kind: 'string', value: 'é\u0000\n"\\\u202e👩‍👩‍👧' }],
    ['an entity', { kind: 'entity', uid: { type: 'Acme::Database', id: 'or"ders' } }],
    ['an empty set', { kind: 'set', values: [] }],
    ['an empty record', { kind: 'record', fields: new Map() }],
    ['an extension', { kind: 'extension', function: 'ip', argument: '10.0.0.0/8' }],
    [
      'a record with odd keys',
      {
        kind: 'record',
        fields: new Map<string, Value>([
          ['', { kind: 'long', value: 1n }],
          ['__proto__', { kind: 'bool', value: true }],
          ['constructor', { kind: 'set', values: [{ kind: 'string', value: 'x' }] }],
        ]),
      },
    ],
  ];
  test.each(values)('%s comes back as it went', (_case, value) => {
    expect(overTheWire(value)).toEqual(value);
  });

  test('any value comes back as it went', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
        fc.record({
          kind: fc.constant('long' as const),
          value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        }),
        fc.record({ kind: fc.constant('string' as const), value: text }),
        fc.record({ kind: fc.constant('set' as const), values: fc.array(tie('value'), { maxLength: 3 }) }),
        fc.record({
          kind: fc.constant('record' as const),
          fields: fc.array(fc.tuple(text, tie('value')), { maxLength: 3 }).map((fields) => new Map(fields)),
        }),
      ),
    }));
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(overTheWire(value)).toEqual(value);
      }),
    );
  });

  test('an entity comes back as it went', () => {
    const entity: Entity = {
      uid: { type: 'User', id: 'ada' },
      attributes: new Map<string, Value>([['level', { kind: 'long', value: 2n ** 63n - 1n }]]),
      parents: [{ type: 'Group', id: 'engineering' }],
      tags: new Map<string, Value>([['team', { kind: 'string', value: 'core' }]]),
    };
    const wire = fromBinary(EntitySchema, toBinary(EntitySchema, toProtoEntity(entity)));
    expect(fromProtoEntity(wire, 'entity')).toEqual(entity);
  });

  test('a value without a kind is refused', () => {
    const error = errorOf(() => fromProtoValue(create(ValueSchema), 'context["a"]'));
    expect(error.violations[0]?.field).toBe('context["a"]');
    expect(error.violations[0]?.description).toContain('wanted exactly one of');
  });

  test('200 keys are taken and 201 are not', () => {
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, bool()]));
    expect(fromProtoContext(keys(200), 'context').size).toBe(200);
    const error = errorOf(() => fromProtoContext(keys(201), 'context'));
    expect(error.violations).toEqual([
      { field: 'context', description: 'seen 201 keys, wanted at most 200' },
    ]);
  });

  test.each(['grant', 'now'])('a context with %s is refused: only Curfew supplies it', (key) => {
    const error = errorOf(() => fromProtoContext({ [key]: bool() }, 'context'));
    expect(error.reason).toBe('CONTEXT_RESERVED');
    expect(error.violations[0]?.field).toBe(`context["${key}"]`);
  });

  test('a record within the context may have those keys', () => {
    const record = create(ValueSchema, { kind: { case: 'recordValue', value: { fields: { now: bool() } } } });
    expect(fromProtoContext({ a: record }, 'context').size).toBe(1);
  });

  test.each(['__entity', '__extn', '__expr'])(
    "the key %s is refused: Cedar's JSON would read it as something else",
    (key) => {
      const record = create(ValueSchema, {
        kind: { case: 'recordValue', value: { fields: { [key]: bool() } } },
      });
      expect(errorOf(() => fromProtoContext({ a: record }, 'context')).violations[0]?.field).toBe(
        'context["a"]',
      );
      expect(errorOf(() => fromProtoContext({ [key]: bool() }, 'context')).reason).toBe('FIELD_INVALID');
    },
  );

  test('a key of more than 256 bytes is refused', () => {
    const error = errorOf(() => fromProtoContext({ ['é'.repeat(129)]: bool() }, 'context'));
    expect(error.violations[0]?.description).toBe('seen a key of 258 bytes, wanted at most 256');
  });

  test('an unknown extension function, and an argument too long, are refused', () => {
    const extension = (name: string, argument: string) =>
      create(ValueSchema, { kind: { case: 'extensionValue', value: { function: name, argument } } });
    expect(errorOf(() => fromProtoValue(extension('unknown', 'x'), 'v')).violations).toEqual([
      { field: 'v.function', description: 'seen "unknown", wanted one of ip, decimal, datetime, duration' },
    ]);
    expect(errorOf(() => fromProtoValue(extension('ip', '1'.repeat(257)), 'v')).violations[0]?.field).toBe(
      'v.argument',
    );
  });

  test('an entity names the field that is wrong', () => {
    const wrong: readonly [string, Parameters<typeof create<typeof EntitySchema>>[1]][] = [
      ['entities[3].uid', {}],
      [
        'entities[3].parents[1].id',
        { uid: uid('User', 'ada'), parents: [uid('Group', 'a'), uid('Group', '')] },
      ],
      ['entities[3].attributes["a"]', { uid: uid('User', 'ada'), attributes: { a: create(ValueSchema) } }],
      ['entities[3].tags["t"]', { uid: uid('User', 'ada'), tags: { t: create(ValueSchema) } }],
      [
        'entities[3].parents',
        { uid: uid('User', 'ada'), parents: Array.from({ length: 1_001 }, () => uid('G', 'a')) },
      ],
    ];
    for (const [field, init] of wrong) {
      const error = errorOf(() => fromProtoEntity(create(EntitySchema, init), 'entities[3]'));
      expect(error.violations[0]?.field).toBe(field);
    }
  });
});

describe('uids', () => {
  test.each([
    ['User', 'ada'],
    ['Acme::Prod::Database', 'orders'],
    ['_T1', 'é'],
    ['User', 'a b:c/d@e"f\\g'],
    ['User', '👩‍👩‍👧'],
    ['User', 'x'.repeat(256)],
  ])('%s::"%s" is good', (type, id) => {
    expect(fromProtoUid(toProtoUid({ type, id }), 'principal')).toEqual({ type, id });
  });

  const wrong: readonly [string, string, string, RegExp][] = [
    ['', 'ada', 'principal.type', /seen "", wanted a Cedar entity type/],
    ['User::', 'ada', 'principal.type', /Cedar entity type/],
    ['1User', 'ada', 'principal.type', /Cedar entity type/],
    ['Us er', 'ada', 'principal.type', /Cedar entity type/],
    ['User"', 'ada', 'principal.type', /seen "User\\""/],
    ['T'.repeat(257), 'ada', 'principal.type', /Cedar entity type/],
    ['User', '', 'principal.id', /1 to 256 bytes \(this is 0\)/],
    ['User', 'x'.repeat(257), 'principal.id', /1 to 256 bytes \(this is 257\)/],
    ['User', 'é'.repeat(129), 'principal.id', /this is 258/],
    ['User', 'a\ud800', 'principal.id', /lone surrogate/],
    ['User', 'a\u0000b', 'principal.id', /seen "a\\u0000b", wanted no control/],
    ['User', 'a\nb', 'principal.id', /control/],
    ['User', 'a\u007f', 'principal.id', /seen "a\\u\{7f\}"/],
    ['User', 'a\u0085', 'principal.id', /control/],
    ['User', 'ada\u202e', 'principal.id', /seen "ada\\u\{202e\}".*direction-changing/],
    ['User', 'e\u0301', 'principal.id', /Unicode normal form C/],
  ];
  test.each(wrong)('%j::%j is refused at %s', (type, id, field, description) => {
    const error = errorOf(() => fromProtoUid(uid(type, id), 'principal'));
    expect(error.reason).toBe('FIELD_INVALID');
    expect(error.violations[0]?.field).toBe(field);
    expect(error.violations[0]?.description).toMatch(description);
  });

  test('a uid that is absent is refused by the name of its field', () => {
    const error = errorOf(() => fromProtoUid(undefined, 'resource'));
    expect(error.violations).toEqual([
      { field: 'resource', description: 'absent, wanted an entity with type and id' },
    ]);
  });

  test('an action without a type is an Action', () => {
    expect(fromProtoAction(uid('', 'read'), 'action')).toEqual({ type: 'Action', id: 'read' });
    expect(fromProtoAction(uid('Acme::Action', 'read'), 'action').type).toBe('Acme::Action');
  });
});

describe('spans and instants', () => {
  test.each([0, 1, 999, 1_000, 14_400_000, 315_576_000_000_000])(
    'a span of %i ms comes back as it went',
    (ms) => {
      expect(msFromDuration(durationFromMs(ms), 'duration')).toBe(ms);
    },
  );

  const spans: readonly [bigint, number, RegExp][] = [
    [-1n, 0, /seen -1s and 0ns, wanted a span that is not negative/],
    [0n, -1_000_000, /not negative/],
    [0n, 1, /whole milliseconds/],
    [1n, 500_001, /whole milliseconds/],
    [315_576_000_001n, 0, /at most 315576000000s/],
    [9_223_372_036_854_775_807n, 0, /at most/],
    [0n, 1_000_000_000, /at most/],
  ];
  test.each(spans)('a span of %s s and %i ns is refused', (seconds, nanos, description) => {
    const duration = { $typeName: 'google.protobuf.Duration', seconds, nanos } as const;
    const error = errorOf(() => msFromDuration(duration, 'duration'));
    expect(error.violations[0]).toMatchObject({
      field: 'duration',
      description: expect.stringMatching(description),
    });
  });

  test.each([
    '1970-01-01T00:00:00.000Z',
    '2026-11-23T05:22:00.123Z',
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
  ])('the instant %s comes back as it went', (iso) => {
    expect(dateFromTimestamp(timestampFromDate(new Date(iso)), 'at').toISOString()).toBe(iso);
  });

  const instants: readonly [bigint, number, RegExp][] = [
    [253_402_300_800n, 0, /years 1 to 9999/],
    [-62_135_596_801n, 0, /years 1 to 9999/],
    [0n, -1, /years 1 to 9999/],
    [0n, 1_000_000_000, /years 1 to 9999/],
    [0n, 1, /whole milliseconds/],
  ];
  test.each(instants)('the instant %s s and %i ns is refused', (seconds, nanos, description) => {
    const timestamp = { $typeName: 'google.protobuf.Timestamp', seconds, nanos } as const;
    expect(errorOf(() => dateFromTimestamp(timestamp, 'at')).violations[0]?.description).toMatch(description);
  });
});
