import { expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import { createEngine } from '../../../core/policy/engine.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { firstLines, problemsOf, sampleFiles } from './sample.ts';

const FORBID = '@id("g") forbid (principal, action, resource);';

it('a carriage return ends a comment, as it does for Cedar: the guardrail after it is there', async () => {
  const loaded = await loadPolicies(sampleFiles({ 'guardrails/g.cedar': `// our guardrails\r${FORBID}` }));
  expect(loaded.ok && loaded.policies.access.map((policy) => policy.id)).toContain('g');
});

it('D3 a chain of 400 && behind a carriage return is refused like any other', () => {
  const chain = Array.from({ length: 400 }, () => 'true').join(' && ');
  const text = `@id("g") forbid (principal, action, resource) when { // x\r ${chain} };`;
  const lines = firstLines(problemsOf(sampleFiles({ 'guardrails/g.cedar': text })));
  expect(lines[0]).toMatch(/^guardrails\/g\.cedar:1:\d+: .*chain/);
});

it.each(['approvals', 'max', 'uses', 'step'])('@%s is refused where it would limit nothing', (name) => {
  const text = `@id("x")\n@${name}("1h")\npermit (principal, action, resource);`;
  expect(firstLines(problemsOf(sampleFiles({ 'access/x.cedar': text })))).toContain(
    `access/x.cedar:2:1: @${name} means nothing on this policy`,
  );
});

it("an author's own annotation is let through", async () => {
  const loaded = await loadPolicies(sampleFiles({ 'guardrails/g.cedar': `@team("data") ${FORBID}` }));
  expect(loaded.ok).toBe(true);
});

it('a guardrail that names another action than the one asked about sees the groups of that action', async () => {
  const schema = `
    entity User; entity Db;
    action danger;
    action write in [danger] appliesTo { principal: [User], resource: [Db], context: {} };
    action look appliesTo { principal: [User], resource: [Db], context: {} };
    namespace Curfew { entity System; }`;
  const loaded = await loadPolicies(
    new Map([
      ['schema.cedarschema', schema],
      ['access/a.cedar', '@id("a") permit (principal, action, resource);'],
      [
        'guardrails/g.cedar',
        '@id("g") forbid (principal, action == Action::"look", resource) when { Action::"write" in Action::"danger" && principal == User::"u" };',
      ],
    ]),
  );
  if (!loaded.ok) throw new Error('the set was refused');
  const uid = (type: string, id: string): EntityUid => ({ type, id });
  const entity = (of: EntityUid) => ({ uid: of, attributes: new Map(), parents: [], tags: new Map() });
  const evaluation = createEngine(loaded.policies).evaluate('access', {
    principal: uid('User', 'u'),
    action: uid('Action', 'look'),
    resource: uid('Db', 'd'),
    context: new Map(),
    entities: [entity(uid('User', 'u')), entity(uid('Db', 'd'))],
  });
  expect(evaluation).toEqual({ decision: 'deny', policyIds: ['g'], errors: [] });
});
