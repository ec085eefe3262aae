import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value } from '../../../core/access/entity.ts';
import {
  attributesToJson,
  EntityJsonError,
  entityFromJson,
  entityToJson,
  parseEntities,
  parseJsonExact,
  valueFromJson,
  valueToJson,
} from '../../../core/access/entity-json.ts';
import { jsonErrorOffset } from '../../../core/access/json-place.ts';

/** Only what JSON.parse takes, or would take if it went on, may have no mistake. */
function isUnfinishedOrJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1];
    return String(error).includes('Unexpected end') || Number(position) === text.length;
  }
}

const name = fc.string().filter((it) => !['__entity', '__extn', '__expr'].includes(it));
const uid = fc.record({ type: fc.string({ minLength: 1 }), id: fc.string() });

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
    fc.record({
      kind: fc.constant('long' as const),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
    fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'binary' }) }),
    fc.record({ kind: fc.constant('entity' as const), uid }),
    fc.record({ kind: fc.constant('extension' as const), function: fc.string(), argument: fc.string() }),
    fc.record({ kind: fc.constant('set' as const), values: fc.array(tie('value'), { maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('record' as const),
      fields: fc.array(fc.tuple(name, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    }),
  ),
}));

describe('entity JSON', () => {
  test('a value comes back as it was, integers exact', () => {
    fc.assert(
      fc.property(value, (it) => {
        expect(valueFromJson(parseJsonExact(JSON.stringify(valueToJson(it))))).toEqual(it);
      }),
    );
  });

  test('an entity comes back as it was', () => {
    const attributes = fc.array(fc.tuple(name, value), { maxLength: 3 }).map((entries) => new Map(entries));
    const entity = fc.record({ uid, attributes, parents: fc.array(uid), tags: attributes });
    fc.assert(
      fc.property(entity, (it) => {
        expect(entityFromJson(parseJsonExact(JSON.stringify(entityToJson(it))))).toEqual(it);
      }),
    );
  });

  test('attributes, parents and tags may be left out', () => {
    expect(parseEntities('[{"uid": {"__entity": {"type": "User", "id": "ada"}}}]')).toEqual([
      { uid: { type: 'User', id: 'ada' }, attributes: new Map(), parents: [], tags: new Map() },
    ]);
  });

  test.each([
    '0',
    '-0',
    '9007199254740993',
    '-9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
  ])('D4 the integer %s is exact', (text) => {
    expect(parseJsonExact(text)).toBe(BigInt(text));
  });

  test.each(['9223372036854775808', '-9223372036854775809', '1.5', '1e3', '1E400', '-0.0'])(
    'D4 the number %s is refused with its place',
    (text) => {
      const parse = (): unknown => parseJsonExact(`[\n  1, ${text}]`);
      expect(parse).toThrow(
        `number ${text}: wanted an integer from -9223372036854775808 to 9223372036854775807`,
      );
      expect(parse).toThrow(expect.objectContaining({ line: 2, column: 6 }));
    },
  );

  test('D12 a record cannot pass for an entity or an extension value', () => {
    for (const reserved of ['__entity', '__extn', '__expr']) {
      const fields = new Map<string, Value>([[reserved, { kind: 'string', value: 'x' }]]);
      expect(() => attributesToJson(fields)).toThrow("Cedar's JSON reserves the name");
      expect(() => valueToJson({ kind: 'set', values: [{ kind: 'record', fields }] })).toThrow(
        EntityJsonError,
      );
    }
  });

  test.each([
    ['{}', '$: seen a record, wanted a list of entities'],
    ['[1]', '[0]: seen 1, wanted an entity {uid, attrs, parents, tags}'],
    ['[{"uid": "ada"}]', '[0].uid: seen "ada", wanted an entity uid {type, id}'],
    ['[{"uid": {"type": "User"}}]', '[0].uid.id: seen nothing, wanted an entity id in quotes'],
    ['[{"uid": {"type": "", "id": "a"}}]', '[0].uid.type: seen "", wanted an entity type'],
    ['[{"uid": {"type": "A", "id": "a", "x": 1}}]', '[0].uid.x: seen "x", wanted only type and id'],
    [
      '[{"uid": {"type": "A", "id": "a"}, "atrs": {}}]',
      '[0].atrs: seen "atrs", wanted one of uid, attrs, parents, tags',
    ],
    [
      '[{"uid": {"type": "A", "id": "a"}, "attrs": []}]',
      '[0].attrs: seen a list, wanted a record of attributes',
    ],
    [
      '[{"uid": {"type": "A", "id": "a"}, "attrs": {"b": null}}]',
      '[0].attrs.b: seen nothing, wanted a boolean',
    ],
    ['[{"uid": {"type": "A", "id": "a"}, "attrs": {"b": {"__expr": "1"}}}]', 'wanted __entity or __extn'],
    [
      '[{"uid": {"type": "A", "id": "a"}, "attrs": {"b": {"__extn": {"fn": "ip"}}}}]',
      'wanted only fn and arg',
    ],
    [
      '[{"uid": {"type": "A", "id": "a"}, "parents": {}}]',
      '[0].parents: seen a record, wanted a list of entity uids',
    ],
    ['[{"uid": {"type": "A", "id": "a"}}, {"uid": {"type": "A", "id": "a"}}]', 'A::"a" is listed twice'],
    [
      `[{"uid": {"type": "A", "id": "a"}, "attrs": {"b": ${'['.repeat(80)}${']'.repeat(80)}}}]`,
      'nested deeper than 64',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseEntities(text)).toThrow(message);
  });

  test('says where the text stops being JSON', () => {
    expect(() => parseEntities('[\n  {"uid": }\n]')).toThrow(
      expect.objectContaining({ line: 2, column: 11 }),
    );
    expect(() => parseEntities('[{"uid"')).toThrow(expect.objectContaining({ line: 1, column: 8 }));
    expect(() => parseEntities('[1,]')).toThrow('not JSON at "]"');
    expect(() => parseEntities('[]\n]')).toThrow(expect.objectContaining({ line: 2, column: 1 }));
    expect(() => parseEntities("['a']")).toThrow(expect.objectContaining({ line: 1, column: 2 }));
    expect(() => parseEntities('[{1: 2}]')).toThrow(expect.objectContaining({ line: 1, column: 3 }));
    expect(() => parseEntities('[{"a" 2}]')).toThrow(expect.objectContaining({ line: 1, column: 7 }));
    expect(() => parseEntities('[01]')).toThrow(expect.objectContaining({ line: 1, column: 3 }));
  });

  test('finds no mistake in JSON, and one in what is none', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(jsonErrorOffset(text)).toBe(text.length);
      }),
    );
    const damaged = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(']', '}', ',', ':', '"', 'x', '0'));
    fc.assert(
      fc.property(damaged, ([text, at, mark]) => {
        const broken = text.slice(0, at % text.length) + mark + text.slice(at % text.length);
        expect(jsonErrorOffset(broken) < broken.length || isUnfinishedOrJson(broken)).toBe(true);
      }),
    );
  });
});
