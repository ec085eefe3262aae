import { describe, expect, test } from 'vitest';
import type { Entity, EntityUid, Value } from '../../../core/access/entity.ts';
import { type CallerQuestion, checkQuestion } from '../../../core/policy/check-question.ts';
import { examined, sampleFiles } from './sample.ts';

const { schema } = examined(sampleFiles());

const ADA: EntityUid = { type: 'User', id: 'ada' };
const READ: EntityUid = { type: 'Action', id: 'read' };
const ORDERS: EntityUid = { type: 'Database', id: 'orders' };
const LEVEL: Value = { kind: 'long', value: 1n };

function question(
  changes: Partial<CallerQuestion> & { readonly add?: Readonly<Record<string, Value>> } = {},
): CallerQuestion {
  const context = new Map<string, Value>([['level', LEVEL], ...Object.entries(changes.add ?? {})]);
  return { principal: ADA, action: READ, resource: ORDERS, context, entities: [], ...changes };
}

function lines(violations: ReturnType<typeof checkQuestion>): readonly string[] {
  return violations.map(({ path, seen, wanted }) => `${path}: ${seen}, wanted ${wanted}`);
}

const string = (value: string): Value => ({ kind: 'string', value });
const set = (...values: readonly Value[]): Value => ({ kind: 'set', values });
const record = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: 'record',
  fields: new Map(Object.entries(fields)),
});
const extension = (name: string, argument: string): Value => ({
  kind: 'extension',
  function: name,
  argument,
});
const document = (changes: Partial<Entity> = {}): Entity => ({
  uid: { type: 'Document', id: 'd' },
  attributes: new Map([['owner', { kind: 'entity', uid: ADA }]]),
  parents: [],
  tags: new Map(),
  ...changes,
});

describe('a question is good', () => {
  test('with every kind of value in its place', () => {
    const add: Record<string, Value> = {
      mfa: { kind: 'bool', value: true },
      from: extension('ip', '10.0.0.0/8'),
      at: extension('datetime', '2026-01-31T09:00:00Z'),
      ttl: extension('duration', '1h'),
      price: extension('decimal', '1.5'),
      peer: { kind: 'entity', uid: ADA },
      tags: set(string('a'), string('')),
      nested: record({ a: LEVEL, b: record({ c: set(LEVEL) }) }),
    };
    expect(checkQuestion(schema, question({ add }))).toEqual([]);
  });

  test('with an action whose type is left out, and with entities of a caller type', () => {
    expect(checkQuestion(schema, question({ action: { type: '', id: 'read' } }))).toEqual([]);
    const { uid } = document();
    expect(
      checkQuestion(
        schema,
        question({ action: { type: '', id: 'open' }, resource: uid, entities: [document()] }),
      ),
    ).toEqual([]);
  });

  test.each([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n])('D4 with the integer %s', (value) => {
    expect(checkQuestion(schema, question({ add: { level: { kind: 'long', value } } }))).toEqual([]);
  });
});

const tooDeep = (depth: number): Value => (depth === 0 ? LEVEL : set(tooDeep(depth - 1)));

describe('a question is refused', () => {
  test.each<[string, ReturnType<typeof question>, string]>([
    [
      'an unknown action',
      question({ action: { type: 'Action', id: 'raed' } }),
      'action: Action::"raed", wanted did you mean `Action::"read"`?',
    ],
    [
      'a Curfew action',
      question({ action: { type: 'Curfew::Action', id: 'request' } }),
      'action: Curfew::Action::"request", wanted an action of your own',
    ],
    [
      'an action group',
      question({ action: { type: 'Action', id: 'rw' }, context: new Map() }),
      'principal.type: User, wanted nothing: the action is a group',
    ],
    [
      'an unknown entity type',
      question({ principal: { type: 'Usr', id: 'a' } }),
      'principal.type: "Usr", wanted did you mean `User`?',
    ],
    [
      'a type that the action does not apply to',
      question({ resource: { type: 'Environment', id: 'prod' } }),
      'resource.type: Environment, wanted a type that the action applies to: Database',
    ],
    [
      'a lone surrogate in an id',
      question({ principal: { type: 'User', id: 'a\ud800' } }),
      'principal.id: a lone surrogate, wanted well-formed Unicode',
    ],
    [
      'an id of 1,025 characters',
      question({ resource: { type: 'Database', id: 'x'.repeat(1_025) } }),
      'resource.id: 1025 characters, wanted at most 1024',
    ],
    [
      'a context with grant',
      question({ add: { grant: record({}) } }),
      'context.grant: a value, wanted nothing: Curfew supplies grant',
    ],
    [
      'a context with now',
      question({ add: { now: extension('datetime', '2026-01-01') } }),
      'context.now: a value, wanted nothing: Curfew supplies now',
    ],
    ['a missing attribute', question({ context: new Map() }), 'context.level: nothing, wanted Long'],
    [
      'an undeclared attribute',
      question({ add: { mfaa: { kind: 'bool', value: true } } }),
      'context."mfaa": true, wanted no such field: did you mean `mfa`?',
    ],
    [
      'an undeclared nested attribute',
      question({ add: { nested: record({ a: LEVEL, x: LEVEL }) } }),
      'context.nested."x": 1, wanted no such field: one of a, b',
    ],
    ['another type', question({ add: { mfa: string('yes') } }), 'context.mfa: "yes", wanted Bool'],
    [
      'another entity type',
      question({ add: { peer: { kind: 'entity', uid: ORDERS } } }),
      'context.peer: Database::"orders", wanted User',
    ],
    [
      'a member of another type',
      question({ add: { tags: set(string('a'), LEVEL) } }),
      'context.tags[1]: 1, wanted String',
    ],
    [
      'a lone surrogate in a string',
      question({ add: { tags: set(string('\udfff')) } }),
      'context.tags[0]: a lone surrogate, wanted well-formed Unicode',
    ],
    [
      'a string of 16,385 characters',
      question({ add: { tags: set(string('x'.repeat(16_385))) } }),
      'context.tags[0]: 16385 characters, wanted at most 16384',
    ],
    [
      'more than 1,000 members',
      question({ add: { tags: set(...Array<Value>(1_001).fill(string('a'))) } }),
      'context.tags: 1001 members or more, wanted at most 1000',
    ],
    [
      'a bad extension argument',
      question({ add: { from: extension('ip', 'here') } }),
      'context.from: ip("here"), wanted an IP address or range such as "192.0.2.0/24"',
    ],
    [
      'another extension',
      question({ add: { from: extension('decimal', '1.0') } }),
      'context.from: decimal("1.0"), wanted an IP address',
    ],
    [
      'an unknown extension',
      question({ add: { from: extension('eval', '1') } }),
      'context.from: eval("1"), wanted an IP address',
    ],
  ])('%s', (_name, asked, line) => {
    expect(lines(checkQuestion(schema, asked))).toContainEqual(expect.stringContaining(line));
  });

  test.each([2n ** 63n, -(2n ** 63n) - 1n])('D4 the integer %s', (value) => {
    expect(lines(checkQuestion(schema, question({ add: { level: { kind: 'long', value } } })))).toEqual([
      `context.level: ${value}, wanted an integer from -2^63 to 2^63-1`,
    ]);
  });

  test('more than 200 fields', () => {
    const add = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}`, LEVEL]));
    expect(lines(checkQuestion(schema, question({ add })))).toEqual([
      'context: 202 fields or more, wanted at most 200',
    ]);
  });

  test('nesting beyond 16, and beyond what the type has', () => {
    const type = `${'Set<'.repeat(20)}Long${'>'.repeat(20)}`;
    const text = `entity U; action a appliesTo { principal: [U], resource: [U], context: { deep: ${type} } };`;
    const files = {
      'schema.cedarschema': text,
      'access/access.cedar': '',
      'guardrails/guardrails.cedar': '',
      'workflows/workflows.cedar': '',
    };
    const deep = examined(sampleFiles(files)).schema;
    const uid: EntityUid = { type: 'U', id: 'u' };
    const asked = (depth: number): readonly string[] =>
      lines(
        checkQuestion(deep, {
          principal: uid,
          action: { type: 'Action', id: 'a' },
          resource: uid,
          context: new Map([['deep', tooDeep(depth)]]),
          entities: [],
        }),
      );
    expect(asked(20)).toEqual([`context.deep${'[0]'.repeat(16)}: nesting 17 deep, wanted at most 16`]);
    expect(lines(checkQuestion(schema, question({ add: { mfa: tooDeep(200) } })))).toEqual([
      'context.mfa: a set of 1, wanted Bool',
    ]);
  });

  test('many mistakes are told up to a point', () => {
    const tags = set(...Array.from({ length: 500 }, () => LEVEL));
    expect(checkQuestion(schema, question({ add: { tags } }))).toHaveLength(20);
  });
});

describe('D12 entities that callers send', () => {
  test.each<[string, readonly Entity[], string]>([
    [
      'D12 an entity of the directory',
      [document({ uid: ADA })],
      'entities[0]: User::"ada", wanted a type marked @caller: Document',
    ],
    [
      'D12 an unknown user with a privileged parent',
      [document({ uid: { type: 'User', id: 'mallory' }, parents: [{ type: 'Group', id: 'security' }] })],
      'entities[0]: User::"mallory", wanted a type marked @caller: Document',
    ],
    [
      'D12 an action',
      [document({ uid: READ })],
      'entities[0]: Action::"read", wanted a type marked @caller: Document',
    ],
    [
      'a parent that the type cannot have',
      [document({ parents: [{ type: 'Group', id: 'g' }] })],
      'entities[0].parents[0]: Group::"g", wanted no parents: Document is a member of nothing',
    ],
    [
      'a missing attribute',
      [document({ attributes: new Map() })],
      'entities[0].attributes.owner: nothing, wanted User',
    ],
    [
      'an undeclared attribute',
      [
        document({
          attributes: new Map<string, Value>([
            ['owner', { kind: 'entity', uid: ADA }],
            ['x', LEVEL],
          ]),
        }),
      ],
      'entities[0].attributes."x": 1, wanted no such field: one of owner',
    ],
    [
      'a tag',
      [document({ tags: new Map([['a', string('b')]]) })],
      'entities[0].tags.a: a tag, wanted no tags: Document declares none',
    ],
    [
      'the same entity twice',
      [document(), document()],
      'entities[1]: an entity sent before, wanted each entity once',
    ],
    [
      'more than 100',
      Array.from({ length: 101 }, (_, i) => document({ uid: { type: 'Document', id: `${i}` } })),
      'entities: 101 entities, wanted at most 100',
    ],
  ])('%s is refused', (_name, entities, line) => {
    expect(lines(checkQuestion(schema, question({ entities })))).toEqual([line]);
  });

  test.each(['__entity', '__extn', '__expr', '__proto__', 'constructor'])(
    'D12 the field %s is no way around types',
    (name) => {
      const uid = record({ type: string('User'), id: string('root') });
      const fields = new Map([...question().context, [name, uid]]);
      expect(lines(checkQuestion(schema, question({ context: fields })))).toEqual([
        expect.stringContaining(`context."${name}": a record of 2, wanted no such field`),
      ]);
      expect(checkQuestion(schema, question({ add: { peer: record({ [name]: uid }) } }))).toHaveLength(1);
    },
  );
});
