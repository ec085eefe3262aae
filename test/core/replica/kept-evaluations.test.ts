import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Engine, type Evaluation, createEngine } from '../../../core/policy/engine.ts';
import { readPolicyFolder } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { curfewAction } from '../../../core/policy/schema-shape.ts';
import { Replica } from '../../../core/replica/replica.ts';
import { evaluatedOnce } from '../../../core/replica/kept-evaluations.ts';
import type { Right, RightQuestion } from '../../../core/replica/rights.ts';
import { activated } from '../store/ledger-events.ts';

const OFFICE = fileURLToPath(new URL('../../support/office', import.meta.url));
const BY_DAY = `
@id("viewers-by-day")
permit (principal is User, action == Curfew::Action::"view", resource) when { context.now < datetime("2030-01-01") };

@id("printers-want-a-key")
forbid (principal, action == Curfew::Action::"approve", resource is Printer)
unless { context has auth && context.auth.methods.contains("hwk") };
`;
const DENY: Evaluation = { decision: 'deny', policyIds: [], errors: [] };
const QUESTION = {
  principal: { type: 'User', id: 'ada' },
  resource: { type: 'Database', id: 'orders' },
  now: new Date('2026-01-01T00:00:00Z'),
};
const later = new Date(QUESTION.now.getTime() + 1);

let engine: Engine;

beforeAll(async () => {
  const files = new Map(await readPolicyFolder(OFFICE));
  const schema = files.get('schema.cedarschema') ?? '';
  const auth = '$1 auth?: { time?: datetime, methods: Set<String> },';
  files.set('schema.cedarschema', schema.replace(/(action approve .*context: \{)/, auth));
  files.set('workflows/by-day.cedar', BY_DAY);
  const result = await loadPolicies(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  engine = createEngine(result.policies);
});

/** A replica with the policies in force, and how often a question to it was really asked. */
async function counting() {
  const replica = new Replica(async (digest) => ({ kind: 'ready', digest, engine }));
  let revision = 0n;
  const activate = async (): Promise<void> => {
    revision += 1n;
    const hash = Buffer.alloc(32);
    await replica.apply({ revision, hash, previousHash: hash, event: activated() });
  };
  await activate();
  let asked = 0;
  const ask = (question: RightQuestion, answer: Evaluation = DENY): void => {
    const action = curfewAction(engine.policies.schema, question.right) ?? expect.unreachable();
    const given = evaluatedOnce(replica, question, action, () => {
      asked += 1;
      return answer;
    });
    expect(given).toEqual(answer);
  };
  return { ask, activate, asked: () => asked };
}

test('the same question is asked once', async () => {
  const { ask, asked } = await counting();
  ask({ right: 'revoke', ...QUESTION });
  ask({ right: 'revoke', ...QUESTION });
  expect(asked()).toBe(1);
});

test.for<readonly [string, Partial<RightQuestion>]>([
  ['another right', { right: 'requestFor' }],
  ['another principal', { principal: { type: 'User', id: 'bob' } }],
  ['another resource', { resource: { type: 'Database', id: 'payroll' } }],
])('%s is another question', async ([, change]) => {
  const { ask, asked } = await counting();
  ask({ right: 'revoke', ...QUESTION });
  ask({ right: 'revoke', ...QUESTION, ...change });
  expect(asked()).toBe(2);
});

test.for<readonly [Right, number]>([
  ['revoke', 1],
  ['view', 2],
])(
  '%s at another instant is asked %i times: the instant counts where a policy reads it',
  async ([right, times]) => {
    const { ask, asked } = await counting();
    ask({ right, ...QUESTION });
    ask({ right, ...QUESTION, now: later });
    expect(asked()).toBe(times);
  },
);

test.for([
  ['Printer', 3],
  ['Database', 1],
] as const)(
  'approve of a %s by other sign-ins is asked %i times: a sign-in counts where a policy reads it',
  async ([type, times]) => {
    const { ask, asked } = await counting();
    const question = { right: 'approve', ...QUESTION, resource: { type, id: 'one' } } as const;
    for (const methods of [[], ['pwd'], ['pwd', 'hwk'], ['pwd']])
      ask({ ...question, cast: { at: later, signIn: { at: undefined, methods } } });
    expect(asked()).toBe(times);
  },
);

test('the instant of a vote counts where a policy reads the time, not the instant at which it is asked about', async () => {
  const { ask, asked } = await counting();
  const cast = { at: QUESTION.now, signIn: undefined };
  ask({ right: 'view', ...QUESTION, cast });
  ask({ right: 'view', ...QUESTION, now: later, cast });
  expect(asked()).toBe(1);
  ask({ right: 'view', ...QUESTION, cast: { ...cast, at: later } });
  expect(asked()).toBe(2);
});

test('after a change of directory or policies it is asked again', async () => {
  const { ask, activate, asked } = await counting();
  ask({ right: 'revoke', ...QUESTION });
  await activate();
  ask({ right: 'revoke', ...QUESTION });
  expect(asked()).toBe(2);
});

test.for<readonly [string, Partial<Evaluation>]>([
  ['erred', { errors: [{ policyId: 'x', message: 'overflow' }] }],
  ['failed', { failure: 'it trapped' }],
])('what %s is asked again', async ([, change]) => {
  const { ask, asked } = await counting();
  ask({ right: 'revoke', ...QUESTION }, { ...DENY, ...change });
  ask({ right: 'revoke', ...QUESTION });
  expect(asked()).toBe(2);
});
