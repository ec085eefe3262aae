import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../../core/policy/engine.ts';
import type { Guard } from '../../../core/policy/policy-set.ts';
import { accessQuestion, entity } from './questions.ts';
import { sameAnswers } from './same-answers.ts';
import { examined, sampleFiles } from './sample.ts';

/** What a question answers by itself; `ERRS` overflows for large levels. */
const GUARDS = [
  'principal in Group::"staff"',
  'principal == User::"ada"',
  'principal is Service',
  'resource is Database in Environment::"prod"',
  'resource == Database::"orders"',
  'context has mfa',
  'context has grant',
];
const ERRS = 'context.level + 1 > 3';

/** Conditions that begin with guards, in every place where one may or may not be taken for one, and that may err behind them. */
const GUARDED = GUARDS.flatMap((guard, index) => {
  const next = GUARDS[(index + 3) % GUARDS.length] ?? '';
  return [
    `when { ${guard} && ${ERRS} }`,
    `when { ${ERRS} && ${guard} }`,
    `when { !(${guard}) && ${ERRS} }`,
    `unless { ${guard} } when { ${ERRS} }`,
    `unless { ${guard} || ${ERRS} }`,
    `unless { ${guard} && ${ERRS} }`,
    `when { (${guard} || ${next}) && ${ERRS} }`,
    `when { (${guard} && ${next}) && ${ERRS} }`,
    `when { ${guard} } when { ${ERRS} || ${next} }`,
    `unless { !(${guard} && ${next}) } when { ${ERRS} }`,
    `when { !(!(${guard})) } when { ${next} }`,
    `when { if ${guard} then ${ERRS} else ${next} }`,
  ];
})
  .map((conditions, index) => {
    const effect = index % 3 === 0 ? 'forbid' : 'permit';
    return `@id("g${index}") ${effect} (principal, action in Action::"rw", resource is Database) ${conditions};`;
  })
  .join('\n');

describe('entities', () => {
  test.each([
    ['principal, action == Action::"read", resource', '', false],
    ['principal is User, action == Action::"read", resource == Database::"orders"', '', false],
    ['principal, action in [Action::"read", Action::"write"], resource', 'when { context has grant }', false],
    ['principal is User, action in Action::"rw", resource is Database', 'when { context.level > 3 }', false],
    ['principal in Group::"staff", action == Action::"read", resource', '', true],
    ['principal, action == Action::"read", resource is Database in Environment::"prod"', '', true],
    [
      'principal, action == Action::"read", resource is Database',
      'when { principal in Group::"staff" }',
      true,
    ],
    ['principal is User, action == Action::"read", resource', 'when { principal.level > 3 }', true],
    ['principal, action == Action::"read", resource', 'when { User::"ada".level > context.level }', true],
    [
      'principal is User, action in Action::"rw", resource is Database',
      'when { context has peer && context.peer.level > 3 }',
      true,
    ],
    [
      'principal is User, action in Action::"rw", resource is Database',
      'when { context has peer.manager }',
      true,
    ],
  ])('(%s) %s looks at them: %s', (head, conditions, expected) => {
    const { access } = examined(
      sampleFiles({ 'access/access.cedar': `@id("x") permit (${head}) ${conditions};` }),
    );
    expect(access.find((policy) => policy.id === 'x')?.readsEntities).toBe(expected);
  });

  test('that no candidate looks at are not sent, and the answers stay', () => {
    const text = [
      '@id("open") permit (principal is User, action in Action::"rw", resource is Database) when { context.level > 3 };',
      '@id("peer") permit (principal is User, action in Action::"rw", resource is Database) when { context has peer && context.peer.level > 3 };',
      '@id("mfa") forbid (principal, action in Action::"rw", resource) when { context has mfa && context.level + 1 > 9 };',
    ].join('\n');
    const files = { 'access/access.cedar': text, 'guardrails/guardrails.cedar': '' };
    fc.assert(sameAnswers(examined(sampleFiles(files))), { numRuns: 200 });
  });
});

describe('guards', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'x'],
    ['a kind that there is not', { kind: 'odd' }],
  ])('D17 take %s in the place of a value for junk: no forbid is left out by it', (_what, junk) => {
    const files = {
      'access/access.cedar': '@id("open") permit (principal, action in Action::"rw", resource is Database);',
      'guardrails/guardrails.cedar':
        '@id("no-mfa") forbid (principal, action in Action::"rw", resource is Database) when { context has mfa };',
    };
    const policies = examined(sampleFiles(files));
    const question = accessQuestion(policies, {
      principal: 'User::"ada"',
      action: 'read',
      resource: 'Database::"orders"',
    });
    const context = new Map([...question.context, ['mfa', junk as never]]); // no such value passes `checkQuestion`
    const evaluation = createEngine(policies).evaluate('access', { ...question, context });
    expect(evaluation).toMatchObject({ decision: 'deny', failure: expect.any(String) });
  });

  test('policies that a guard leaves out: decision, reasons and errors stay', () => {
    const policies = examined(sampleFiles({ 'access/guarded.cedar': GUARDED }));
    fc.assert(sameAnswers(policies), { numRuns: 500 });
  });

  const guardsOf = (conditions: string): readonly Guard[] => {
    const text = `@id("x") permit (principal is User, action == Action::"read", resource is Database) ${conditions};`;
    const { access } = examined(sampleFiles({ 'access/access.cedar': text }));
    return access.find((policy) => policy.id === 'x')?.guards ?? [];
  };
  const staff = { kind: 'in', uid: entity('Group::"staff"') };

  test('are what the conditions begin with', () => {
    expect(
      guardsOf(
        'when { context has grant && principal in Group::"staff" && context.level > 3 } unless { context has mfa }',
      ),
    ).toEqual([
      { about: 'context', attribute: 'grant', holds: true },
      { about: 'principal', scope: staff, holds: true },
    ]);
  });

  test('are turned round by unless and !, which all of an or must survive', () => {
    expect(guardsOf('unless { context has mfa || !(principal in Group::"staff") }')).toEqual([
      { about: 'context', attribute: 'mfa', holds: false },
      { about: 'principal', scope: staff, holds: true },
    ]);
  });

  test.each([
    'when { context.level > 3 && context has mfa }',
    'when { context has mfa || context.level > 3 }',
    'unless { context has mfa && context.level > 3 }',
    'when { principal in resource.owners }',
    'when { principal in [Group::"staff"] }',
    'when { User::"ada" in Group::"staff" && context.level > 3 }',
    'when { if context has mfa then context.mfa else context.level > 3 }',
  ])('are none that something may come before, or that is no plain question: %s', (conditions) => {
    expect(guardsOf(conditions)).toEqual([]);
  });
});
