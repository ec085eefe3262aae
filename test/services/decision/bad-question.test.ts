import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Value } from '../../../core/access/entity.ts';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { readQuestion } from '../../../services/decision/question.ts';
import { type Asked, type LocalDecision, localDecision } from './local-decision.ts';
import {
  action,
  attributes,
  bool,
  entity,
  goodContext,
  ip,
  long,
  person,
  ref,
  robot,
  set,
  sheet,
  team,
  text,
  vault,
} from './people.ts';
import { policyFiles } from './policy-files.ts';

let local: LocalDecision;

beforeAll(async () => {
  local = await localDecision(await policyFiles());
  const now = local.machine.wall;
  await local.start({
    subject: person('otto'),
    startsAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
    actions: ['open', 'read'],
  });
});

const kim = person('kim');

function refusal(asked: Asked): AccessError {
  try {
    local.ask(asked);
  } catch (error) {
    if (error instanceof AccessError) return error;
    throw error;
  }
  throw new Error('answered, wanted a refusal');
}

const outcome = (asked: Asked): string => {
  try {
    return local.ask(asked).effect;
  } catch (error) {
    if (error instanceof AccessError) return error.reason;
    throw error;
  }
};

const record = (fields: Parameters<typeof attributes>[0]): Value => ({
  kind: 'record',
  fields: attributes(fields),
});

function without(name: keyof typeof goodContext) {
  return attributes(Object.fromEntries(Object.entries(goodContext).filter(([key]) => key !== name)));
}

describe('D1 and D17: what is required may not be missing', () => {
  const people = ['kim', 'otto', 'gus', 'nobody'].map(person);
  const vaults = ['plain', 'secret', 'none'].map(vault);
  const weights = [0n, 1n, 2n ** 63n - 1n, -1n, -(2n ** 63n)];

  it.each(['mfa', 'weight', 'from'] as const)(
    'D1 no question without %s is answered, whatever was denied with it',
    (name) => {
      const full = attributes(goodContext);
      for (const principal of people) {
        for (const resource of vaults) {
          expect(outcome({ principal, resource, context: full })).toMatch(/ALLOW|DENY/);
          expect(outcome({ principal, resource, context: without(name) })).toBe('FIELD_INVALID');
        }
      }
    },
  );

  it('D1 leaving out any attribute never turns a DENY into an ALLOW', () => {
    const value = fc.record({
      mfa: fc.boolean().map(bool),
      weight: fc.constantFrom(...weights).map(long),
      from: fc.constantFrom('10.1.2.3', '192.0.2.1').map(ip),
      note: fc.constantFrom('sealed', 'open').map(text),
    });
    const asked = fc.record({
      context: value,
      principal: fc.constantFrom(...people),
      resource: fc.constantFrom(...vaults),
      dropped: fc.subarray(['mfa', 'weight', 'from'], { minLength: 1 }),
    });
    fc.assert(
      fc.property(asked, ({ context, principal, resource, dropped }) => {
        const less = Object.fromEntries(Object.entries(context).filter(([key]) => !dropped.includes(key)));
        expect(outcome({ principal, resource, context: attributes(less) })).toBe('FIELD_INVALID');
      }),
      { numRuns: 300 },
    );
  });

  it('D1 a document without a required attribute is refused', () => {
    const facts = { author: ref(kim), pages: long(1n) };
    for (const dropped of Object.keys(facts)) {
      const less = Object.fromEntries(Object.entries(facts).filter(([key]) => key !== dropped));
      const entities = [entity(sheet('s'), [], less)];
      const question = {
        principal: kim,
        action: action('read'),
        resource: sheet('s'),
        context: attributes({}),
      };
      expect(outcome({ ...question, entities })).toBe('FIELD_INVALID');
      expect(outcome(question)).toBe('FIELD_INVALID');
    }
  });

  it('D17 a value of no kind does not vanish from a context: it is refused', () => {
    const request = create(AuthorizeRequestSchema, {
      principal: kim,
      action: action('open'),
      resource: vault('plain'),
      context: { note: {}, mfa: { kind: { case: 'boolValue', value: true } } },
    });
    expect(() => readQuestion(request)).toThrow(/context\["note"\].*has no kind/);
  });

  it('D17 what an optional attribute is not there for holds only when it is not sent', () => {
    const note = attributes({ ...goodContext, note: text('sealed') });
    expect(outcome({ principal: kim, context: note })).toBe('DENY');
    expect(outcome({ principal: kim, context: attributes({ ...goodContext, note: bool(false) }) })).toBe(
      'FIELD_INVALID',
    );
    expect(outcome({ principal: kim, context: attributes(goodContext) })).toBe('ALLOW');
  });
});

describe('a question that the schema does not know', () => {
  it.each([
    ['ACTION_UNKNOWN', 'action', { principal: kim, action: action('opne') }],
    ['ACTION_UNKNOWN', 'action', { principal: kim, action: { type: 'Curfew::Action', id: 'request' } }],
    ['ACTION_UNKNOWN', 'action', { principal: kim, action: { type: 'Other::Action', id: 'open' } }],
    ['ENTITY_TYPE_UNKNOWN', 'principal.type', { principal: { type: 'Persona', id: 'kim' } }],
    ['ENTITY_TYPE_UNKNOWN', 'resource.type', { principal: kim, resource: { type: 'Vaults', id: 'plain' } }],
    ['FIELD_INVALID', 'principal.type', { principal: vault('plain'), caller: robot('door') }],
    ['FIELD_INVALID', 'resource.type', { principal: kim, resource: kim }],
    ['FIELD_INVALID', 'resource.type', { principal: kim, action: action('enter') }],
    [
      'FIELD_INVALID',
      'context.mfa',
      { principal: kim, context: attributes({ ...goodContext, mfa: text('yes') }) },
    ],
    ['FIELD_INVALID', 'fma', { principal: kim, context: attributes({ ...goodContext, fma: bool(true) }) }],
    [
      'FIELD_INVALID',
      'context.from',
      { principal: kim, context: attributes({ ...goodContext, from: ip('10.0.0') }) },
    ],
    [
      'FIELD_INVALID',
      'context.note',
      { principal: kim, context: attributes({ ...goodContext, note: text('\ud800') }) },
    ],
    [
      'FIELD_INVALID',
      'context.extra.deep',
      {
        principal: kim,
        context: attributes({
          ...goodContext,
          extra: { kind: 'record', fields: attributes({ deep: set(text('a'), long(1n)) }) },
        }),
      },
    ],
  ] as const)('is refused: %s at %s', (reason, field, asked) => {
    const error = refusal(asked);
    expect(error.reason).toBe(reason);
    expect(error.violations.map((violation) => violation.field).join()).toContain(field);
  });

  it('tells a caller without rights nothing of the schema', () => {
    for (const asked of [
      { principal: kim, action: action('opne') },
      { principal: kim, resource: { type: 'Vaults', id: 'plain' } },
      { principal: { type: 'Persona', id: 'kim' } },
      { principal: { type: 'Curfew::System', id: 'other' } },
    ]) {
      const error = refusal({ ...asked, caller: person('otto') });
      expect(error.reason).toBe('NOT_PERMITTED');
      expect(error.message).not.toMatch(/did you mean|open|Vault"/);
    }
  });

  it('is told the action that was probably meant', () => {
    expect(refusal({ principal: kim, action: action('opne') }).message).toContain(
      'did you mean `Action::"open"`',
    );
  });

  it('names the field below the place of the question in its batch', () => {
    const error = refusal({ principal: kim, action: action('opne'), prefix: 'requests[7].' });
    expect(error.violations.map((violation) => violation.field)).toEqual(['requests[7].action']);
  });
});

describe('D12 what callers send about the directory is refused', () => {
  const otto = person('otto');

  it.each([
    ['the principal itself, with a privileged parent', entity(otto, [team('chiefs')])],
    ['an unknown user with a privileged parent', entity(person('mallory'), [team('guards')])],
    ['the resource with other keepers', entity(vault('plain'), [], { keepers: set(ref(otto)) })],
    ['a team', entity(team('guards'))],
    ['an entity of Curfew', entity({ type: 'Curfew::System', id: 'curfew' })],
  ])('D12 an entity of the directory is refused: %s', (_title, sent) => {
    const error = refusal({ principal: otto, entities: [sent] });
    expect(error.reason).toBe('ENTITY_NOT_CALLERS');
    expect(error.message).toContain(sent.uid.id);
    expect(error.violations).toMatchObject([{ field: 'entities[0].uid' }]);
  });

  it('D12 an unknown user with a privileged parent is not looked at in the standing permits either', () => {
    const question = { principal: person('mallory'), action: action('look'), context: attributes({}) };
    expect(outcome(question)).toBe('DENY');
    expect(outcome({ ...question, entities: [entity(person('mallory'), [team('guards')])] })).toBe(
      'ENTITY_NOT_CALLERS',
    );
  });

  it('D12 a document cannot be inside of what its type is not a member of, nor of itself', () => {
    const facts = { author: ref(otto), pages: long(1n) };
    const read = { principal: otto, action: action('read'), resource: sheet('s'), context: attributes({}) };
    expect(outcome({ ...read, entities: [entity(sheet('s'), [team('guards')], facts)] })).toBe(
      'FIELD_INVALID',
    );
    expect(outcome({ ...read, entities: [entity(sheet('s'), [sheet('s')], facts)] })).toBe('FIELD_INVALID');
  });

  it.each(['__entity', '__extn', '__expr'])(
    'D12 the context key %s never reaches Cedar as an escape',
    (key) => {
      const disguised = attributes({ [key]: text('Person::"kim"'), type: text('Person'), id: text('kim') });
      for (const context of [
        attributes({ ...goodContext, [key]: text('x') }),
        attributes({ ...goodContext, mfa: { kind: 'record', fields: disguised } }),
        attributes({ ...goodContext, extra: { kind: 'record', fields: disguised } }),
      ]) {
        expect(outcome({ principal: otto, context })).toBe('FIELD_INVALID');
      }
    },
  );

  const unsent = ref(sheet('unsent'));

  it.each([
    ['context.with', { with: unsent }],
    ['context.more.sheets[1]', { more: record({ sheets: set(ref(sheet('s')), unsent) }) }],
  ])('D12 a document that the context names and that is not sent is refused: %s', (field, context) => {
    const facts = { author: ref(kim), pages: long(1n) };
    const compare = { principal: kim, action: action('compare'), context: attributes(context) };
    const entities = [entity(sheet('s'), [], facts)];
    const error = refusal({ ...compare, entities });
    expect(error.reason).toBe('FIELD_INVALID');
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
    expect(error.message).toContain('Sheet::"unsent"');
    expect(outcome({ ...compare, entities: [...entities, entity(sheet('unsent'), [], facts)] })).toBe('DENY');
  });

  it('what the context names of the directory, or without facts, need not be sent', () => {
    const context = attributes({ by: ref(person('nobody')), note: ref({ type: 'Note', id: 'n' }) });
    expect(outcome({ principal: kim, action: action('compare'), context })).toBe('DENY');
  });

  it('I17 documents that the question is not about change nothing', () => {
    const other = entity(sheet('other'), [vault('plain')], { author: ref(kim), pages: long(1n) });
    for (const principal of [kim, otto, person('gus'), person('nobody')]) {
      const plain = local.ask({ principal });
      const more = local.ask({ principal, entities: [other] });
      const own = { decisionId: '', kept: undefined };
      expect({ ...more, ...own }).toEqual({ ...plain, ...own });
    }
  });
});

it('grant and now in a context are refused by the check too, should they get that far', () => {
  for (const name of ['grant', 'now']) {
    const context = attributes({ ...goodContext, [name]: text('x') });
    expect(outcome({ principal: kim, context })).toBe('FIELD_INVALID');
  }
});
