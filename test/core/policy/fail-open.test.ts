import { beforeAll, describe, expect, test } from 'vitest';
import { findFailOpen } from '../../../core/policy/fail-open.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { SCHEMA, WORKFLOWS } from './sample.ts';

const open = [
  ['when { context has mfa && !context.mfa }', 'context has mfa'],
  ['unless { !(context has mfa) }', 'context has mfa'],
  ['when { principal has manager && principal.manager in resource.owners }', 'principal has manager'],
  ['when { principal.home has zip && principal.home.zip > 5 }', 'principal.home has zip'],
  ['when { context has nested.b && context.nested.a > 5 }', 'context has nested.b'],
  ['when { if context has mfa then !context.mfa else false }', 'context has mfa'],
  ['unless { if context has mfa then context.mfa else true }', 'context has mfa'],
  ['when { (context has mfa) == true }', 'context has mfa'],
  ['when { principal.hasTag("risk") && principal.getTag("risk") == "high" }', 'principal.hasTag(…)'],
  [
    'when { context has grant && context.grant has ticket && context.grant.ticket == "x" }',
    'context.grant has ticket',
  ],
] as const;

const closed = [
  'unless { context has mfa && context.mfa }',
  'when { !(context has mfa) }',
  'when { !(context has mfa && context.mfa) }',
  'when { if context has mfa then !context.mfa else true }',
  'unless { if context has mfa then context.mfa else false }',
  'when { resource.classification == "pii" }',
  'when { context has grant && !context.grant.steps.contains("owner") }',
] as const;

/** What is reported, by the conditions of the forbid. */
const reported = new Map<string, string[]>();

beforeAll(async () => {
  const conditions = [...open.map(([condition]) => condition), ...closed];
  const guardrails = conditions.map(
    (condition, index) =>
      `@id("${index}") forbid (principal is User, action == Action::"read", resource is Database) ${condition};`,
  );
  const files = new Map([
    ['schema.cedarschema', SCHEMA],
    ['guardrails/g.cedar', guardrails.join('\n')],
    ['workflows/w.cedar', WORKFLOWS],
  ]);
  const loaded = await loadPolicies(files);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  for (const condition of conditions) reported.set(condition, []);
  for (const { line, message } of findFailOpen(loaded.policies)) {
    reported.get(conditions[line - 1] ?? '')?.push(/"([^"]+)" does not hold/.exec(message)?.[1] ?? message);
  }
});

describe('D1 a forbid that reads an optional attribute without failing closed is reported', () => {
  test.each(open)('D1 %s', (condition, check) => {
    expect(reported.get(condition)).toEqual([check]);
  });
});

describe('a forbid that fails closed is not reported', () => {
  test.each(closed)('%s', (condition) => {
    expect(reported.get(condition)).toEqual([]);
  });
});
