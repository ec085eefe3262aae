import { describe, expect, test } from 'vitest';
import { firstLines, problemsOf, SCHEMA, sampleFiles } from './sample.ts';

const POLICIES = { 'access/access.cedar': '', 'guardrails/guardrails.cedar': '' };
const AUTH = 'auth?: { time?: datetime, methods: Set<String> }';
const LINE = SCHEMA.split('\n').findIndex((line) => line.includes('action approve')) + 1;

/** The sample with more in the context of its `approve`, and these workflows. */
function withContext(declared: string, workflows = '') {
  const schema = SCHEMA.replace(/(action approve .*request: AccessRequest)/, `$1, ${declared}`);
  return sampleFiles({ ...POLICIES, 'schema.cedarschema': schema, 'workflows/workflows.cedar': workflows });
}

describe('W14 context.auth of approve', () => {
  test.each([
    [
      'auth: { methods: Set<String> }',
      'context.auth is declared as required, and Curfew leaves it out at times',
    ],
    [
      'auth?: { time: datetime, methods: Set<String> }',
      'context.auth.time is declared as required, and Curfew leaves it out at times',
    ],
    ['auth?: { time?: Long }', 'context.auth.time is declared as Long, wanted datetime'],
    ['auth?: { method: Set<String> }', 'Curfew supplies no `method` in context.auth'],
    [
      'auth?: String',
      'context.auth of Curfew::Action::approve is String, wanted { time?: datetime, methods: Set<String> }',
    ],
  ])('is refused as %s, at its place', (declared, message) => {
    const [problem = ''] = firstLines(problemsOf(withContext(declared)));
    expect(problem).toMatch(new RegExp(String.raw`^schema\.cedarschema:${LINE}:\d+: `));
    expect(problem).toContain(message);
  });

  test('is of no other action', () => {
    const schema = SCHEMA.replace(
      'resource: [System], context: {',
      `resource: [System], context: { ${AUTH},`,
    );
    const problems = firstLines(problemsOf(sampleFiles({ 'schema.cedarschema': schema })));
    expect(problems.join()).toContain('Curfew supplies no `auth` in the context of Curfew::Action::audit');
  });

  test('W14 is read only by a policy that asks first whether it is there', () => {
    const unguarded = `@id("x") forbid (principal, action == Curfew::Action::"approve", resource) when { context.auth.methods.contains("pwd") };`;
    expect(firstLines(problemsOf(withContext(AUTH, unguarded))).join()).toContain('auth');
  });
});
