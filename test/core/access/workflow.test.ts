import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkText,
  compareWorkflows,
  formatSteps,
  isPattern,
  pickWorkflow,
  type Workflow,
} from '../../../core/access/workflow.ts';
import { plainWorkflow } from '../../support/plain-grant.ts';

const BASE: Workflow = {
  ...plainWorkflow,
  id: 'w',
  title: 'w',
  steps: [{ name: 'owner', seats: 1 }],
  maxMs: 1000,
  defaultMs: 1000,
  pendingMs: 1000,
  rank: 0,
  reason: { kind: 'required' },
  ticket: { kind: 'optional' },
  resourceTypes: [],
};

describe('workflow', () => {
  test('the highest rank is used, whatever else it says', () => {
    const strict: Workflow = { ...BASE, id: 'a', steps: [{ name: 'owner', seats: 5 }], maxMs: 1 };
    expect(pickWorkflow([strict, { ...BASE, id: 'z', steps: [], rank: 1 }])?.id).toBe('z');
  });

  test('among equals the most seats, then the shortest maximum, then the id', () => {
    const one = { ...BASE, id: 'one', maxMs: 1 };
    const two = { ...BASE, id: 'two', steps: [{ name: 'owner', seats: 2 }] };
    const twoSteps = {
      ...BASE,
      id: 'two-steps',
      steps: [...BASE.steps, { name: 'security', seats: 1 }],
      maxMs: 10,
    };
    expect(pickWorkflow([one, two, twoSteps])?.id).toBe('two-steps');
    expect(pickWorkflow([one, { ...one, id: 'b' }, { ...one, id: 'a' }])?.id).toBe('a');
    expect(pickWorkflow([])).toBeUndefined();
  });

  test('the choice does not depend on the order of the workflows', () => {
    const seats = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 });
    const small = fc.integer({ min: 1, max: 3 });
    const workflow = fc
      .tuple(fc.string({ minLength: 1 }), small, small, seats)
      .map(([id, rank, maxMs, steps]): Workflow => {
        return {
          ...BASE,
          id,
          rank,
          maxMs,
          steps: steps.map((count, i) => ({ name: `s${i}`, seats: count })),
        };
      });
    fc.assert(
      fc.property(fc.uniqueArray(workflow, { selector: (it) => it.id, minLength: 1 }), (workflows) => {
        const picked = pickWorkflow(workflows);
        expect(pickWorkflow(workflows.toReversed())).toEqual(picked);
        expect(workflows.every((it) => picked !== undefined && compareWorkflows(picked, it) <= 0)).toBe(true);
      }),
    );
  });

  test.each([
    [{ kind: 'required' }, 'because', undefined],
    [{ kind: 'required' }, ' \t ', 'must not be empty'],
    [{ kind: 'required' }, undefined, 'must not be empty'],
    [{ kind: 'optional' }, undefined, undefined],
    [{ kind: 'pattern', pattern: 'OPS-[0-9]+' }, 'OPS-1', undefined],
    [{ kind: 'pattern', pattern: 'OPS-[0-9]+' }, 'see OPS-1', 'must match OPS-[0-9]+'],
    [{ kind: 'pattern', pattern: 'OPS-[0-9]+' }, undefined, 'must match OPS-[0-9]+'],
    [{ kind: 'pattern', pattern: 'a|ab' }, 'ab', undefined],
  ] as const)('the rule %j on %j says %j', (rule, text, wanted) => {
    expect(checkText(rule, text)).toBe(wanted);
  });

  test('a pattern that would take exponential time elsewhere is answered', () => {
    expect(checkText({ kind: 'pattern', pattern: '(a+)+b' }, 'a'.repeat(2_000))).toBe('must match (a+)+b');
  });

  test('a pattern that needs more than linear time is none', () => {
    expect(isPattern('(?=a)b')).toBe(false);
    expect(isPattern(String.raw`(a)\1`)).toBe(false);
    expect(isPattern('(a')).toBe(false);
  });

  test('steps are written as @approvals writes them', () => {
    expect(formatSteps([])).toBe('none');
    expect(
      formatSteps([
        { name: 'owner', seats: 2 },
        { name: 'security', seats: 1 },
      ]),
    ).toBe('owner:2, security');
  });
});
