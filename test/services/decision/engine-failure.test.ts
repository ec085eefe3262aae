import { beforeAll, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import type { Evaluation } from '../../../core/policy/engine.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { localDecision } from './local-decision.ts';
import { person } from './people.ts';
import { policyFiles } from './policy-files.ts';

let files: PolicyFiles;

beforeAll(async () => {
  files = await policyFiles();
});

const failed: Evaluation = { decision: 'deny', policyIds: [], errors: [], failure: 'unreachable' };

/**
 * The real engine, whose answers the scripts replace by failures, one letter for each evaluation: f fails. One is for questions about
 * access, the other for whether a workflow still lets somebody in.
 */
async function decisionWith(
  access: string,
  workflows = '',
  waiting: Partial<Pick<LiveGrant, 'state' | 'steps'>> = {},
) {
  const scripts = { access: access.split(''), workflows: workflows.split('') };
  const local = await localDecision(files, {
    watch: (evaluation, phase) => (scripts[phase].shift() === 'f' ? failed : evaluation),
  });
  const now = local.machine.wall;
  const grants = [2_000, 1_000].map((ms) =>
    local.start({
      subject: person('otto'),
      startsAt: new Date(now),
      expiresAt: new Date(now + ms),
      ...waiting,
    }),
  );
  const ids = await Promise.all(grants);
  const ask = (id: string): string => {
    try {
      const { effect, grant } = local.ask({ principal: person(id) });
      return grant === undefined ? effect : `${effect} by grant ${ids.indexOf(grant.id)}`;
    } catch (error) {
      if (error instanceof AccessError) return error.reason;
      throw error;
    }
  };
  return ask;
}

it.each([
  ['', 'otto', 'ALLOW by grant 0'],
  // With the first grant; if that fails without one; then with the second.
  ['f', 'otto', 'ALLOW by grant 1'],
  ['ff', 'otto', 'ALLOW by grant 1'],
  ['f.f', 'otto', 'EVALUATION_FAILED'],
  ['fff', 'otto', 'EVALUATION_FAILED'],
  ['f', 'kim', 'EVALUATION_FAILED'],
  ['f', 'gus', 'EVALUATION_FAILED'],
  ['', 'gus', 'DENY'],
])('I19 evaluations that fail (%s) for %s never permit: %s', async (script, id, wanted) => {
  expect((await decisionWith(script))(id)).toBe(wanted);
});

it.each([
  ['f', 'otto', 'ALLOW by grant 1'],
  ['ff', 'otto', 'EVALUATION_FAILED'],
  ['f', 'kim', 'ALLOW'],
])(
  'I19 failures (%s) to tell whether a workflow still lets %s in never permit: %s',
  async (script, id, wanted) => {
    expect((await decisionWith('', script))(id)).toBe(wanted);
  },
);

it.each([
  ['', 'ALLOW by grant 0'],
  ['f', 'ALLOW by grant 1'],
  ['ff', 'EVALUATION_FAILED'],
])(
  'I19 failures (%s) to tell whether a grant that waits may begin are no answer: %s',
  async (script, wanted) => {
    const ask = await decisionWith('', script, { state: 'CLAIMABLE', steps: [] });
    expect(ask('otto')).toBe(wanted);
  },
);

it('I19 the next good question after a failure is answered', async () => {
  const ask = await decisionWith('f');
  expect(ask('kim')).toBe('EVALUATION_FAILED');
  expect(ask('kim')).toBe('ALLOW');
});
