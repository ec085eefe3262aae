import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entity } from '../../../core/access/entity.ts';
import { ancestorsOf, entitiesFor } from '../../../core/policy/entity-closure.ts';
import { createEvaluator } from '../../../core/policy/evaluator.ts';
import { accessQuestion, entity, GRANT, lookup, workflowQuestion } from './questions.ts';
import { sameAnswers } from './same-answers.ts';
import { examined, sampleFiles } from './sample.ts';

const PRINCIPALS = [
  'principal',
  'principal is User',
  'principal == User::"ada"',
  'principal in Group::"staff"',
  'principal in Group::"engineering"',
  'principal is Service in Group::"staff"',
  'principal in User::"bob"',
];
const ACTIONS = ['action == Action::"read"', 'action in Action::"rw"', 'action in [Action::"write"]'];
const RESOURCES = [
  'resource',
  'resource is Database',
  'resource == Database::"orders"',
  'resource in Environment::"prod"',
  'resource is Database in Environment::"prod"',
];

/** Every kind of head, permits and forbids, with conditions that permit, deny and err. */
const CROWD = PRINCIPALS.flatMap((principal) =>
  ACTIONS.flatMap((action) => RESOURCES.map((resource) => ({ principal, action, resource }))),
)
  .map(({ principal, action, resource }, index) => {
    const effect = index % 4 === 0 ? 'forbid' : 'permit';
    const condition = [
      'context.level > 3',
      'context.level + 1 > 9',
      'context has mfa && context.mfa',
      'context.level < 0',
    ][index % 4];
    return `@id("p${index}") ${effect} (${principal}, ${action}, ${resource}) when { ${condition} };`;
  })
  .join('\n');

/** Ways of reading entities other than principal and resource; each is a set of its own, so that none is brought for another. */
const CONDITIONS: readonly string[] = [
  'principal has manager && principal.manager.level < 0',
  'principal has manager && principal.manager has manager',
  'principal has manager && principal.manager in Group::"security"',
  'principal has manager && principal.manager is User in Group::"security"',
  'principal has manager && User::"ada" in [principal.manager, User::"ada"]',
  'principal has manager && {a: principal.manager}.a.level < 0',
  'principal has manager && {a: principal.manager}.a has manager && {a: principal.manager}.a.manager.level == 5',
  'principal has manager && principal.manager has manager && principal.manager.manager.clearances.contains("c")',
  'resource.hasTag("steward") && resource.getTag("steward").home.city == "Bern"',
  'principal has manager && {a: 1, b: {c: principal.manager}}.b.c.level < 0',
  'context has peer && context.peer.home.city == "Bern"',
  'context has peer && context.peer has manager && context.peer.manager.clearances.isEmpty()',
  'context has peer && context.peer has manager && context.peer.manager in Group::"staff"',
  'context has peer && (if context.level > 3 then context.peer else User::"bob") in Group::"security"',
  'context has peer && (if context.level > 3 then User::"bob" else context.peer).level < 0',
  'context has peer && context.peer.hasTag("team") && context.peer.getTag("team") == "core"',
  'context has peer && principal in [context.peer, User::"bob"]',
  'context has peer && context.peer.home has zip && context.peer.home.zip == 9007199254740993',
  'context has peer && {a: context.peer} == {a: User::"ada"}',
  'User::"ada".level > context.level && User::"ada" in Group::"staff"',
  'User::"bob" in Group::"staff"',
  'principal.hasTag("team") && principal.getTag("team") == "core"',
  'principal.home has zip && principal.home.zip > 3',
  'context has grant && context.grant.workflow == "prod-reads" && context.grant.steps.contains("owner")',
  'context has grant && context.grant has ticket && context.grant.ticket like "T*"',
  'context has grant && {a: context.grant}.a.reason == "a reason"',
  '{"has": context}["has"] has mfa && {"has": context}["has"].mfa',
  '(if context.level > 3 then context else context) has mfa',
  'context["level"] > 3 && context has "grant"',
];

describe('what is left out of a question changes nothing', () => {
  test('policies whose heads cannot match: decision, reasons and errors stay', () => {
    const policies = examined(sampleFiles({ 'access/crowd.cedar': CROWD }));
    fc.assert(sameAnswers(policies), { numRuns: 300 });
  });

  test.each(CONDITIONS)('entities and attributes that nobody reads: %s', (condition) => {
    const head = 'permit (principal is User, action in Action::"rw", resource is Database)';
    const files = {
      'access/access.cedar': `@id("x") ${head} when { ${condition} };`,
      'guardrails/guardrails.cedar': '',
    };
    fc.assert(sameAnswers(examined(sampleFiles(files))), { numRuns: 60 });
  });

  const policies = examined(sampleFiles());

  test('the people behind a request are brought along', () => {
    const asked = { principal: 'User::"bob"', action: 'approve', resource: 'Database::"orders"' };
    const { entities } = workflowQuestion(policies, asked);
    expect(Array.from(entities, (it) => it.uid.id).toSorted()).toEqual(['ada', 'bob', 'orders']);
  });

  test('principal and resource come alone when policies read no further', () => {
    const question = accessQuestion(policies, {
      principal: 'User::"ada"',
      action: 'read',
      resource: 'Database::"orders"',
      grant: GRANT,
    });
    expect(question.entities).toEqual([
      {
        uid: entity('User::"ada"'),
        attributes: new Map([['level', lookup(entity('User::"ada"'))?.attributes.get('level')]]),
        parents: [entity('Group::"engineering"'), entity('Group::"staff"')],
        tags: new Map([['team', { kind: 'string', value: 'core' }]]),
      },
      {
        uid: entity('Database::"orders"'),
        attributes: expect.anything(),
        parents: [entity('Environment::"prod"')],
        tags: expect.anything(),
      },
    ]);
  });

  test('what the directory does not know is left out', () => {
    const uid = entity('User::"nobody"');
    expect(
      entitiesFor(policies, 'access', { principal: uid, resource: uid, context: new Map() }, () => undefined),
    ).toEqual([]);
  });
});

describe('ancestors', () => {
  const group = (id: string, ...parents: readonly string[]): Entity => ({
    uid: { type: 'Group', id },
    attributes: new Map(),
    parents: parents.map((it) => ({ type: 'Group', id: it })),
    tags: new Map(),
  });

  test('are found once each, on a cycle too, and never the entity itself', () => {
    const groups = new Map(
      [group('a', 'b', 'c'), group('b', 'd'), group('c', 'd'), group('d', 'a')].map((it) => [it.uid.id, it]),
    );
    const found = ancestorsOf({ type: 'Group', id: 'a' }, (uid) => groups.get(uid.id));
    expect(found.map((it) => it.id)).toEqual(['b', 'c', 'd']);
  });

  test('end where the directory knows no more', () => {
    expect(
      ancestorsOf({ type: 'Group', id: 'a' }, (uid) => (uid.id === 'a' ? group('a', 'gone') : undefined)),
    ).toEqual([{ type: 'Group', id: 'gone' }]);
  });
});

describe('sets that are kept parsed', () => {
  test('hundreds of different slices are answered right, the first one again at the end', () => {
    const evaluator = createEvaluator();
    const policies = examined(sampleFiles());
    const question = accessQuestion(policies, {
      principal: 'User::"ada"',
      action: 'read',
      resource: 'Database::"orders"',
    });
    const ask = (index: number): unknown =>
      evaluator.evaluate(
        { key: `k${index}`, texts: () => ({ [`p${index}`]: 'permit (principal, action, resource);' }) },
        question,
      );
    for (const index of [...Array(600).keys(), 0, 599, 300])
      expect(ask(index)).toEqual({ kind: 'answer', decision: 'allow', policyIds: [`p${index}`], errors: [] });
  });
});
