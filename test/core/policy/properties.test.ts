import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value } from '../../../core/access/entity.ts';
import { checkQuestion } from '../../../core/policy/check-question.ts';
import { createEngine, type Engine, type EngineQuestion } from '../../../core/policy/engine.ts';
import { accessQuestion, anyAsked, entity, GRANT, long } from './questions.ts';
import { examined, problemsOf, sampleFiles } from './sample.ts';

/** Policies that read required and optional attributes in every way that strict validation lets through. */
const POOL = `
@id("standing") permit (principal in Group::"staff", action == Action::"read", resource) when { context.level >= 0 };
@id("level-match") permit (principal is User, action, resource is Database) when { context.level == principal.level };
@id("not-low") forbid (principal, action in Action::"rw", resource) unless { context.level > -5 };
@id("no-mfa") forbid (principal, action == Action::"write", resource) when { !(context has mfa) };
@id("from-afar") forbid (principal, action in Action::"rw", resource) when { context has from && !context.from.isInRange(ip("10.0.0.0/8")) };
@id("sums") forbid (principal, action in Action::"rw", resource) when { context.level + 5 < context.level };
@id("clearance") permit (principal is User, action, resource is Database) when { principal.clearances.contains(resource.classification) };
@id("late") forbid (principal, action in Action::"rw", resource) when { context.now > datetime("2030-01-01") };
`;

const policies = examined(sampleFiles({ 'access/pool.cedar': POOL }));
const engine = createEngine(policies);
const REQUIRED = ['level', 'now'] as const;

function without(question: EngineQuestion, name: string): EngineQuestion {
  return { ...question, context: new Map([...question.context].filter(([key]) => key !== name)) };
}

/** An engine for some of the policies. */
function engineFor(keeps: (id: string) => boolean): Engine {
  return createEngine({ ...policies, access: policies.access.filter((policy) => keeps(policy.id)) });
}

describe('what is taken away', () => {
  test.each(REQUIRED)('D1 I18 the required attribute %s: a DENY stays a DENY', (name) => {
    fc.assert(
      fc.property(anyAsked, (asked) => {
        const question = accessQuestion(policies, asked);
        const whole = engine.evaluate('access', question);
        const less = engine.evaluate('access', without(question, name));
        expect(whole.decision === 'deny' && less.decision === 'allow').toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('D1 a required attribute that is missing does not even get that far', () => {
    const { principal, action, resource } = accessQuestion(policies, {
      principal: 'User::"ada"',
      action: 'read',
      resource: 'Database::"orders"',
    });
    expect(
      checkQuestion(policies.schema, { principal, action, resource, context: new Map(), entities: [] }),
    ).toEqual([{ path: 'context.level', seen: 'nothing', wanted: 'Long' }]);
  });

  test('D1 required attributes of entities: a DENY stays a DENY', () => {
    fc.assert(
      fc.property(
        anyAsked,
        fc.constantFrom('level', 'classification', 'owners', 'clearances'),
        (asked, name) => {
          const question = accessQuestion(policies, asked);
          const entities = Array.from(question.entities, (it) => ({
            ...it,
            attributes: new Map([...it.attributes].filter(([key]) => key !== name)),
          }));
          const whole = engine.evaluate('access', question);
          const less = engine.evaluate('access', { ...question, entities });
          expect(whole.decision === 'deny' && less.decision === 'allow').toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('D17 undefined is not "not there": it permits nothing, and is refused by the guard', () => {
    const open = examined(
      sampleFiles({
        'access/x.cedar':
          '@id("open") permit (principal, action == Action::"write", resource) when { !(context has mfa) };',
      }),
    );
    const opened = createEngine(open);
    const question = accessQuestion(open, {
      principal: 'User::"ada"',
      action: 'write',
      resource: 'Database::"orders"',
    });
    expect(opened.evaluate('access', question).decision).toBe('allow');
    const context = new Map([...question.context, ['mfa', undefined as unknown as Value]]); // what types forbid is the point
    expect(opened.evaluate('access', { ...question, context })).toMatchObject({
      decision: 'deny',
      failure: expect.any(String),
    });
  });

  test.each(POOL.match(/@id\("([^"]+)"\) permit/g)?.map((it) => it.slice(5, -9)) ?? [])(
    'I18 the error-free permit %s: a DENY stays a DENY',
    (id) => {
      const fewer = engineFor((it) => it !== id);
      fc.assert(
        fc.property(anyAsked, (asked) => {
          const question = accessQuestion(policies, asked);
          const raw = engine.evaluateRaw('access', question);
          fc.pre(raw.kind === 'answer' && !raw.errors.some((error) => error.policyId === id));
          const isWidened =
            engine.evaluate('access', question).decision === 'deny' &&
            fewer.evaluate('access', question).decision === 'allow';
          expect(isWidened).toBe(false);
        }),
        { numRuns: 100 },
      );
    },
  );
});

describe('what is added', () => {
  test.each(['pii-needs-mfa', 'sealed', 'not-low', 'no-mfa', 'from-afar', 'sums', 'late'])(
    'I18 the forbid %s: a DENY stays a DENY',
    (id) => {
      const before = engineFor((it) => it !== id);
      fc.assert(
        fc.property(anyAsked, (asked) => {
          const question = accessQuestion(policies, asked);
          const isWidened =
            before.evaluate('access', question).decision === 'deny' &&
            engine.evaluate('access', question).decision === 'allow';
          expect(isWidened).toBe(false);
        }),
        { numRuns: 100 },
      );
    },
  );

  test('I18 a grant taken away: a DENY stays a DENY', () => {
    fc.assert(
      fc.property(anyAsked, (asked) => {
        const granted = engine.evaluate('access', accessQuestion(policies, { ...asked, grant: GRANT }));
        const standing = engine.evaluate('access', accessQuestion(policies, { ...asked, grant: undefined }));
        expect(
          granted.decision === 'deny' && granted.errors.length === 0 && standing.decision === 'allow',
        ).toBe(false);
      }),
    );
  });
});

describe('what strict validation catches', () => {
  test.each([
    ['forbid', 'context.mfa'],
    ['forbid', '!context.mfa'],
    ['forbid', 'context.level > 3 || context.mfa'],
    ['permit', 'context.mfa'],
    ['forbid', 'resource.budget.greaterThan(decimal("1.0"))'],
    ['forbid', 'principal.home.zip == 3'],
    ['forbid', 'context.nested.a == 1'],
    ['forbid', 'principal.getTag("team") == "core"'],
  ])('D1 D17 a %s that reads something optional unguarded (%s) never loads', (effect, condition) => {
    const text = `@id("x") ${effect} (principal is User, action == Action::"read", resource) when { ${condition} };`;
    const [problem] = problemsOf(sampleFiles({ 'guardrails/x.cedar': undefined, 'access/x.cedar': text }));
    expect(problem).toMatchObject({
      file: 'access/x.cedar',
      line: 1,
      message: expect.stringContaining('unable to guarantee safety'),
    });
  });
});

describe('I19 whatever is asked', () => {
  test('I19 an answer that failed is never an ALLOW, and the next good question is answered right', () => {
    const anyone = examined(
      sampleFiles({
        'access/x.cedar': '@id("any") permit (principal, action, resource);',
        'guardrails/guardrails.cedar': '',
      }),
    );
    const open = createEngine(anyone);
    const good = accessQuestion(anyone, {
      principal: 'User::"ada"',
      action: 'read',
      resource: 'Database::"orders"',
    });
    const junk = fc.anything({
      withBigInt: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    const field = fc.constantFrom('principal', 'action', 'resource', 'context', 'entities');
    fc.assert(
      fc.property(fc.array(fc.tuple(field, junk), { minLength: 1, maxLength: 3 }), (changes) => {
        const asked = { ...good, ...Object.fromEntries(changes) } as unknown as EngineQuestion; // what types forbid is the point
        const evaluation = open.evaluate('access', asked);
        expect(evaluation.failure !== undefined && evaluation.decision === 'allow').toBe(false);
        expect(open.evaluate('access', good)).toEqual({ decision: 'allow', policyIds: ['any'], errors: [] });
      }),
      { numRuns: 500 },
    );
  });

  test('I19 junk as a value permits nothing that reads it', () => {
    const junk = fc.anything({ withBigInt: true }).filter((value) => !isValue(value));
    fc.assert(
      fc.property(junk, (value) => {
        const asked = { principal: 'User::"bob"', action: 'read', resource: 'Database::"orders"' };
        const sent = new Map([['level', value as Value]]); // what types forbid is the point
        expect(engine.evaluate('access', accessQuestion(policies, { ...asked, sent })).decision).toBe('deny');
      }),
      { numRuns: 300 },
    );
    const question = accessQuestion(policies, {
      principal: 'User::"bob"',
      action: 'read',
      resource: 'Database::"orders"',
      sent: new Map([['level', long(1n)]]),
    });
    expect(engine.evaluate('access', question).decision).toBe('allow');
    expect(question.principal).toEqual(entity('User::"bob"'));
  });
});

function isValue(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
