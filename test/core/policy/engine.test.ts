import fc from 'fast-check';
import { READS_NO_ENTITY } from '../../../core/policy/entity-reads.ts';
import { describe, expect, test } from 'vitest';
import type { Entity, Value } from '../../../core/access/entity.ts';
import { checkQuestion } from '../../../core/policy/check-question.ts';
import { createEngine, type Engine } from '../../../core/policy/engine.ts';
import {
  adviceOf,
  type PolicySet,
  type PolicySource,
  stepsOf,
  workflowsOf,
} from '../../../core/policy/policy-set.ts';
import { accessQuestion, entity, GRANT, int64, long, workflowQuestion } from './questions.ts';
import { malformed } from './malformed.ts';
import { examined, sampleFiles } from './sample.ts';

const policies = examined(sampleFiles());
const ORDERS = { principal: 'User::"ada"', action: 'read', resource: 'Database::"orders"' };

/** A set with a policy that loading would never have let in. */
function withPolicy(text: string, effect: 'permit' | 'forbid' = 'permit'): PolicySet {
  const any = { kind: 'any' } as const;
  const hostile: PolicySource = {
    id: 'hostile',
    effect,
    text,
    annotations: new Map(),
    file: 'x',
    line: 1,
    column: 1,
    principal: any,
    action: any,
    resource: { kind: 'equals', uid: entity('Database::"vault"') },
    guards: [],
    isGuardsOnly: false,
    conditions: text,
    contextReads: 'whole',
    entityReads: READS_NO_ENTITY,
    signInMethods: [],
  };
  return { ...policies, access: [...policies.access, hostile] };
}

/** The decisions that a healthy engine makes. */
function expectHealthy(engine: Engine): void {
  expect(engine.evaluate('access', accessQuestion(policies, { ...ORDERS, grant: GRANT }))).toEqual({
    decision: 'allow',
    policyIds: ['jit'],
    errors: [],
  });
  const denied = { decision: 'deny', policyIds: [], errors: [] };
  expect(engine.evaluate('access', accessQuestion(policies, ORDERS))).toEqual(denied);
  expect(engine.checkCanary()).toBe(true);
}

describe('the engine', () => {
  const engine = createEngine(policies);

  test('denies what nothing permits, permits by a grant, and a forbid wins over it', () => {
    expectHealthy(engine);
    const pii = { ...ORDERS, resource: 'Database::"people"', grant: GRANT };
    const denied = engine.evaluate('access', accessQuestion(policies, pii));
    expect(denied).toEqual({ decision: 'deny', policyIds: ['pii-needs-mfa'], errors: [] });
    expect(adviceOf(policies, denied.policyIds)).toEqual(['sign in with MFA']);
    const sent = new Map<string, Value>([
      ['level', long(1n)],
      ['mfa', { kind: 'bool', value: true }],
    ]);
    expect(engine.evaluate('access', accessQuestion(policies, { ...pii, sent })).decision).toBe('allow');
  });

  test('names every permit that applied, so that a workflow can be asked about by its id', () => {
    const both = engine.evaluate('workflows', workflowQuestion(policies, { ...ORDERS, action: 'request' }));
    expect(both).toEqual({ decision: 'allow', policyIds: ['prod-reads', 'prod-writes'], errors: [] });
    expect(workflowsOf(policies, both.policyIds, { breakGlass: false }).map((it) => it.id)).toEqual([
      'prod-reads',
      'prod-writes',
    ]);
    const writes = engine.evaluate(
      'workflows',
      workflowQuestion(policies, { ...ORDERS, action: 'request' }, ['read', 'write']),
    );
    expect(writes.policyIds).toEqual(['prod-writes']);
  });

  test('says which steps a reviewer may fill', () => {
    const asked = { ...ORDERS, principal: 'User::"bob"', action: 'approve' };
    const { policyIds } = engine.evaluate('workflows', workflowQuestion(policies, asked));
    expect(stepsOf(policies, policyIds)).toEqual(['owner', 'manager']);
    expect(
      engine.evaluate('workflows', workflowQuestion(policies, { ...asked, principal: 'User::"ada"' }))
        .decision,
    ).toBe('deny');
  });

  test('the sets of the phases do not mix: a guardrail for any action forbids no request', () => {
    const anyAction = examined(
      sampleFiles({ 'guardrails/x.cedar': '@id("stop") forbid (principal, action, resource);' }),
    );
    const stopped = createEngine(anyAction);
    expect(
      stopped.evaluate('access', accessQuestion(anyAction, { ...ORDERS, grant: GRANT })).policyIds,
    ).toEqual(['stop']);
    expect(
      stopped.evaluate('workflows', workflowQuestion(anyAction, { ...ORDERS, action: 'request' })).decision,
    ).toBe('allow');
  });

  test('an action that is a member of a group is covered by policies about the group', () => {
    const grouped = examined(
      sampleFiles({
        'access/x.cedar':
          '@id("g") permit (principal, action in Action::"rw", resource == Database::"orders");',
      }),
    );
    expect(createEngine(grouped).evaluate('access', accessQuestion(grouped, ORDERS)).policyIds).toEqual([
      'g',
    ]);
  });

  test('D1 a forbid that errs spoils its evaluation: what Cedar alone would allow is denied, and only there', () => {
    const overflow = new Map([['level', long(2n ** 63n - 1n)]]);
    const vault = { ...ORDERS, resource: 'Database::"vault"', sent: overflow, grant: GRANT };
    const question = accessQuestion(policies, vault);
    expect(engine.evaluateRaw('access', question)).toMatchObject({
      kind: 'answer',
      decision: 'allow',
      policyIds: ['jit'],
    });
    expect(engine.evaluate('access', question)).toEqual({
      decision: 'deny',
      policyIds: [],
      errors: [{ policyId: 'sealed', message: expect.stringContaining('overflow') }],
    });
    expectHealthy(engine);
  });

  test('a forbid that applies is named even when another policy errs', () => {
    const both = examined(
      sampleFiles({
        'guardrails/x.cedar': '@id("stop") forbid (principal, action, resource == Database::"vault");',
      }),
    );
    const overflow = new Map([['level', long(2n ** 63n - 1n)]]);
    const vault = { ...ORDERS, resource: 'Database::"vault"', sent: overflow, grant: GRANT };
    expect(createEngine(both).evaluate('access', accessQuestion(both, vault))).toMatchObject({
      decision: 'deny',
      policyIds: ['stop'],
      errors: [{ policyId: 'sealed' }],
    });
  });
});

describe('D4 integers at the boundary', () => {
  const exact = examined(
    sampleFiles({
      'access/access.cedar':
        '@id("same") permit (principal is User, action == Action::"read", resource) when { context.level == principal.level };',
      'guardrails/guardrails.cedar': '',
    }),
  );
  const engine = createEngine(exact);

  function isSame(sent: bigint, held: bigint): boolean {
    const question = accessQuestion(exact, { ...ORDERS, sent: new Map([['level', long(sent)]]) });
    const entities = Array.from(
      question.entities,
      (it): Entity => (it.uid.id === 'ada' ? { ...it, attributes: new Map([['level', long(held)]]) } : it),
    );
    return engine.evaluate('access', { ...question, entities }).decision === 'allow';
  }

  test('D4 every int64 equals itself and no neighbour, in contexts and in entities', () => {
    const examples = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 53n) - 1n, 0n].map(
      (n): [bigint] => [n],
    );
    fc.assert(
      fc.property(int64, (n) => {
        expect(isSame(n, n)).toBe(true);
        for (const other of [n - 1n, n + 1n])
          if (other >= -(2n ** 63n) && other < 2n ** 63n) expect(isSame(n, other)).toBe(false);
      }),
      { examples },
    );
  });

  test('D4 an integer outside int64 is an answer of no kind', () => {
    expect(isSame(2n ** 63n, 2n ** 63n)).toBe(false);
    expect(isSame(-(2n ** 63n) - 1n, -(2n ** 63n) - 1n)).toBe(false);
    expect(isSame(7n, 7n)).toBe(true);
  });
});

describe('D2 malformed questions', () => {
  const good = accessQuestion(policies, { ...ORDERS, grant: GRANT });

  test('D2 5,000 of ten kinds straight past the guard wear instances out, permit nothing and break nothing', () => {
    const reports: string[] = [];
    const reader =
      '@id("reader") forbid (principal, action in Action::"rw", resource) when { context.level > 1000 || User::"ada" in Group::"nobody" };';
    const readers = examined(sampleFiles({ 'guardrails/reader.cedar': reader }));
    const engine = createEngine(readers, { onReplaced: (reason) => reports.push(reason) });
    for (let round = 0; round < 5_000; round++)
      expect(engine.evaluate('access', malformed(good, round % 10)).decision).toBe('deny');
    expect(engine.replacedInstances).toBeGreaterThan(10);
    expect(reports).toHaveLength(engine.replacedInstances);
    for (let round = 0; round < 100; round++) expectHealthy(engine);
  });

  test('D2 the guard keeps every kind away from Cedar', () => {
    const engine = createEngine(policies);
    for (let round = 0; round < 5_000; round++) {
      const { principal, resource, context } = malformed(good, [0, 1, 2, 5, 6, 7][round % 6] ?? 0);
      const sent = new Map([...context].filter(([name]) => name !== 'grant' && name !== 'now'));
      const question = {
        principal,
        action: { type: 'Action', id: 'read' },
        resource,
        context: sent,
        entities: [],
      };
      expect(checkQuestion(policies.schema, question).length).toBeGreaterThan(0);
    }
    expectHealthy(engine);
    expect(engine.replacedInstances).toBe(0);
  });

  test('D2 throws are counted, and the instance is replaced at the limit', () => {
    const engine = createEngine(policies, { maxThrows: 3 });
    for (let round = 0; round < 7; round++) engine.evaluate('access', malformed(good, 1));
    expect(engine.replacedInstances).toBe(2);
    expectHealthy(engine);
  });
});

describe('D3 a policy that kills wasm', () => {
  const chain = Array<string>(400).fill('context.level == 1').join(' && ');
  const vault = { ...ORDERS, resource: 'Database::"vault"' };

  test('D3 I19 when it gets to the engine all the same, it permits nothing, and the spare instance takes over', async () => {
    const set = withPolicy(`permit (principal, action, resource == Database::"vault") when { ${chain} };`);
    const engine = createEngine(set);
    for (let round = 1; round <= 5; round++) {
      const evaluation = engine.evaluate('access', accessQuestion(set, vault));
      expect(evaluation).toMatchObject({
        decision: 'deny',
        policyIds: [],
        failure: expect.stringContaining('RuntimeError'),
      });
      expect(engine.replacedInstances).toBe(round);
      expectHealthy(engine);
      if (round % 2 === 0) await new Promise(setImmediate); // at times the spare is ready, at times not
    }
  });

  test('D3 I19 a policy that Cedar cannot parse permits nothing either', () => {
    const set = withPolicy('permit (principal, action, resource;');
    const evaluation = createEngine(set).evaluate('access', accessQuestion(set, vault));
    expect(evaluation).toMatchObject({
      decision: 'deny',
      policyIds: [],
      failure: expect.stringContaining('cedar refuses a policy'),
    });
  });
});
