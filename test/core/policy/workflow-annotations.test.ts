import { describe, expect, test } from 'vitest';
import { examined, problemsOf, sampleFiles } from './sample.ts';

const REQUEST = 'permit (principal, action == Curfew::Action::"request", resource is Database);';

describe('loading refuses', () => {
  test.each([
    ['@start("later")', 'start', '@start("later"): wanted "approval" or "first-use"'],
    ['@claim("1h")', 'claim', '@claim("1h"): wanted only beside @start("first-use")'],
    ['@start("first-use") @ahead("7d")', 'ahead', '@ahead("7d"): wanted without @start("first-use")'],
    ['@extensions("-1")', 'extensions', '@extensions("-1"): wanted an integer from 0 to 100'],
    ['@uses("0")', 'uses', '@uses("0"): wanted an integer from 1 to 1000000'],
    ['@uses("1.5")', 'uses', '@uses("1.5"): wanted an integer'],
    ['@idle("0s")', 'idle', '@idle("0s"): wanted more than 0'],
    ['@on_change("stay")', 'on_change', '@on_change("stay"): wanted "end" or "keep"'],
    ['@comment("(")', 'comment', '@comment("("): wanted "required", "optional"'],
    ['@escalate("4h: a")', 'escalate', '@escalate("4h: a"): wanted steps in @approvals'],
    ['@apart("24h")', 'apart', '@apart("24h"): wanted steps in @approvals'],
    ['@review("a")', 'review', '@review("a"): wanted only beside @break_glass'],
    ['@review_within("1h")', 'review_within', '@review_within("1h"): wanted only beside @break_glass'],
    ['@break_glass("yes") @review("owner")', 'break_glass', '@break_glass("yes"): wanted no value'],
    ['@break_glass @review("owner") @ahead("1h")', 'ahead', '@ahead("1h"): wanted nothing beside'],
    ['@break_glass @review("owner") @reason("optional")', 'reason', '@reason("optional"): wanted "required"'],
    ['@break_glass @review("owner") @start("first-use")', 'start', '@start("first-use"): wanted "approval"'],
  ])('the annotations %s, by the place of @%s', (annotations, name, message) => {
    const text = `@id("x") @max("1h") @approvals("none") ${annotations} ${REQUEST}`;
    const problems = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(problems.map((it) => it.message)).toEqual([expect.stringContaining(message)]);
    expect(problems[0]).toMatchObject({ line: 1, column: text.lastIndexOf(`@${name}`) + 1 });
  });

  test.each([
    ['@break_glass', /^policy without @review$/],
    ['@break_glass @review("ownr")', /^no approve permit has @step\("ownr"\)/],
  ])('the annotations %s of break-glass that nobody would look at', (annotations, message) => {
    const text = `@id("x") @max("1h") @approvals("none") ${annotations} ${REQUEST}`;
    const [problem, ...others] = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(others).toEqual([]);
    expect(problem?.message).toMatch(message);
  });

  test.each([
    ['@break_glass @review("owner")', '@approvals("owner"): wanted "none" beside @break_glass'],
    ['@escalate("4h")', '@escalate("4h"): seen "4h", wanted a time and a step'],
    ['@escalate("4x: owner")', '@escalate("4x: owner"): seen "4x: owner", wanted a time and a step'],
    ['@escalate("4h: ownr")', 'no approve permit has @step("ownr")'],
  ])('the annotations %s beside steps', (annotations, message) => {
    const text = `@id("x") @max("1h") @approvals("owner") ${annotations} ${REQUEST}`;
    const problems = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(problems.map((it) => it.message)).toEqual([expect.stringContaining(message)]);
  });
});

test('every annotation of a workflow is one of its terms', () => {
  const text =
    `@id("x") @max("1h") @approvals("owner") @start("first-use") @claim("2h") @extensions("2") @uses("3") @idle("10m") ` +
    `@on_change("keep") @comment("required") @escalate("4h: owner, 1d: manager") ${REQUEST}`;
  const workflows = examined(sampleFiles({ 'workflows/x.cedar': text })).requestWorkflows;
  expect(workflows.find((it) => it.id === 'x')).toMatchObject({
    start: 'first-use',
    claimMs: 7_200_000,
    extensions: 2,
    uses: 3,
    idleMs: 600_000,
    onChange: 'keep',
    comment: { kind: 'required' },
    escalations: [
      { afterMs: 14_400_000, step: 'owner' },
      { afterMs: 86_400_000, step: 'manager' },
    ],
  });
});

test('break-glass says who looks at it afterwards, and by when', () => {
  const text = `@id("x") @max("1h") @approvals("none") @break_glass @review("owner") @review_within("8h") ${REQUEST}`;
  const workflows = examined(sampleFiles({ 'workflows/x.cedar': text })).requestWorkflows;
  expect(workflows.find((it) => it.id === 'x')?.breakGlass).toEqual({
    step: 'owner',
    withinMs: 28_800_000,
  });
});
