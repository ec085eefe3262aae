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
    expect(evaluation.decision).toBe('deny');
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

  const isGuardsOnly = (conditions: string): boolean | undefined => {
    const text = `@id("x") permit (principal is User, action == Action::"read", resource is Database) ${conditions};`;
    const { access } = examined(sampleFiles({ 'access/access.cedar': text }));
    return access.find((policy) => policy.id === 'x')?.isGuardsOnly;
  };

  test.each([
    ['', true],
    ['when { context has grant }', true],
    [
      'when { context has grant && principal in Group::"staff" } unless { context has mfa || context has peer }',
      true,
    ],
    ['when { context has grant && context.level > 3 }', false],
    ['when { context has grant || context has mfa }', false],
    ['when { context has grant } unless { context has mfa && context has peer }', false],
    ['when { context has grant } unless { context.level > 3 }', false],
  ])('of %s are all that is asked: %s', (conditions, expected) => {
    expect(isGuardsOnly(conditions)).toBe(expected);
  });

  test('policies that ask nothing else apply without being evaluated: decision, reasons and errors stay', () => {
    const text = GUARDS.flatMap((guard, index) => [
      `@id("p${index}") permit (principal, action in Action::"rw", resource is Database) when { ${guard} };`,
      `@id("f${index}") forbid (principal, action == Action::"write", resource) when { ${guard} && !(${GUARDS[(index + 2) % GUARDS.length] ?? ''}) };`,
    ]).join('\n');
    const others =
      '@id("level") permit (principal, action in Action::"rw", resource) when { context.level + 1 > 3 };';
    const policies = examined(sampleFiles({ 'access/guarded.cedar': `${text}\n${others}` }));
    fc.assert(sameAnswers(policies), { numRuns: 500 });
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
