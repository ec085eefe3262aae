import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entity, EntityUid } from '../../../core/access/entity.ts';
import { createEngine, type RawEvaluation } from '../../../core/policy/engine.ts';
import { ancestorsOf, entitiesFor } from '../../../core/policy/entity-closure.ts';
import { createEvaluator } from '../../../core/policy/evaluator.ts';
import type { Guard, PolicySet } from '../../../core/policy/policy-set.ts';
import { actionAncestors } from '../../../core/policy/schema-shape.ts';
import { accessQuestion, anyAsked, entity, GRANT, lookup, workflowQuestion } from './questions.ts';
import { examined, sampleDirectory, sampleFiles } from './sample.ts';

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

const peer = fc.constantFrom<EntityUid | undefined>(
  undefined,
  entity('User::"ada"'),
  entity('User::"bob"'),
  entity('User::"nobody"'),
);

/** Asked of the whole set with the whole directory as it is written, and of what can matter alone, any question has one answer. */
function sameAnswers(policies: PolicySet): fc.IProperty<unknown> {
  const engine = createEngine(policies);
  const whole = createEvaluator();
  const texts = Object.fromEntries(policies.access.map((policy) => [policy.id, policy.text]));
  const actions = Array.from(policies.schema.actions.values(), ({ uid }): Entity => {
    return { uid, attributes: new Map(), parents: actionAncestors(policies.schema, uid), tags: new Map() };
  });
  const entities = [...sampleDirectory(), ...actions];
  return fc.property(anyAsked, peer, (asked, other) => {
    const sent = new Map(asked.sent);
    if (other !== undefined) sent.set('peer', { kind: 'entity', uid: other });
    const question = accessQuestion(policies, { ...asked, sent });
    const all = whole.evaluate({ key: 'all', texts: () => texts }, { ...question, entities });
    expect(ordered(engine.evaluateRaw('access', question))).toEqual(ordered(all));
  });
}

function ordered(raw: RawEvaluation): unknown {
  return raw.kind === 'failure'
    ? raw
    : { ...raw, errors: raw.errors.map((error) => error.policyId).toSorted() };
}

describe('what is left out of a question changes nothing', () => {
  test('policies whose heads cannot match: decision, reasons and errors stay', () => {
    const policies = examined(sampleFiles({ 'access/crowd.cedar': CROWD }));
    fc.assert(sameAnswers(policies), { numRuns: 300 });
  });

  test('policies that a guard leaves out: decision, reasons and errors stay', () => {
    const policies = examined(sampleFiles({ 'access/guarded.cedar': GUARDED }));
    fc.assert(sameAnswers(policies), { numRuns: 500 });
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
