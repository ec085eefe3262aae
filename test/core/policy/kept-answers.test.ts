import { describe, expect, test } from 'vitest';
import { createEngine } from '../../../core/policy/engine.ts';
import { accessQuestion } from './questions.ts';
import { examined, sampleFiles } from './sample.ts';

const HEAD = 'principal is User, action == Action::"read", resource is Database';

function asking(...policies: readonly string[]) {
  const set = examined(sampleFiles({ 'access/access.cedar': policies.join('\n') }));
  const engine = createEngine(set);
  return (principal: string, resource = 'Database::"orders"') =>
    engine.evaluate('access', accessQuestion(set, { principal, resource, action: 'read' }));
}

describe('an answer that is kept', () => {
  test.each([
    ['principal == User::"ada"'],
    ['[User::"ada"].contains(principal)'],
    ['{a: principal}.a == User::"ada"'],
    ['(if context.level < 3 then principal else User::"ada") == User::"ada"'],
    ['principal in User::"ada"'],
  ])('is nobody else’s where conditions look at who somebody is: %s', (condition) => {
    // what is read is the same of both
    const ask = asking(`@id("x") permit (${HEAD}) when { context.level < 100 && ${condition} };`);
    expect(['ada', 'bob', 'ada', 'bob'].map((id) => ask(`User::"${id}"`).decision)).toEqual([
      'allow',
      'deny',
      'allow',
      'deny',
    ]);
  });

  test('says of each policy with the same conditions that it applied', () => {
    const ask = asking(
      `@id("one") permit (principal == User::"ada", action == Action::"read", resource) when { context.level < 100 };`,
      `@id("two") permit (principal == User::"bob", action == Action::"read", resource) when { context.level < 100 };`,
      `@id("all") permit (principal, action == Action::"read", resource) when { context.level < 100 };`,
    );
    expect(ask('User::"ada"').policyIds).toEqual(['all', 'one']);
    expect(ask('User::"bob"').policyIds).toEqual(['all', 'two']);
    expect(ask('User::"ada"').policyIds).toEqual(['all', 'one']);
  });

  test('is none that erred: its text names somebody', () => {
    const ask = asking(
      `@id("one") permit (${HEAD}) when { principal.level + 9223372036854775807 > 3 };`,
      `@id("two") permit (principal is User in Group::"staff", action == Action::"read", resource) when { principal.level + 9223372036854775807 > 3 };`,
    );
    const { decision, errors } = ask('User::"ada"');
    expect(decision).toBe('deny');
    expect(errors.map(({ policyId }) => policyId)).toEqual(['one', 'two']);
    expect(ask('User::"ada"').errors).toEqual(errors);
  });
});
