import { beforeAll, expect, it } from 'vitest';
import { loadPolicies } from '../../../core/policy/load.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { actionOf } from '../../../core/policy/schema-shape.ts';
import type { Kind } from '../../../core/policy/policies-about.ts';
import { mayReadNow } from '../../../core/policy/reads-about.ts';
import { action } from '../../services/decision/people.ts';

/** Conditions of a permit for an action of its own, and whether they may read the time. */
const conditions: readonly (readonly [string, string, boolean])[] = [
  ['the time', 'when { context.now < datetime("2027-01-01") }', true],
  ['the time by its name in quotes', 'when { context["now"] < datetime("2027-01-01") }', true],
  [
    'the time by a name with an escape',
    String.raw`when { context["n\u{6f}w"] < datetime("2027-01-01") }`,
    true,
  ],
  ['the context as a whole', 'when { {a: context}.a == {a: resource.facts}.a }', true],
  [
    'the time in a second condition',
    'when { context.mfa } unless { context.now > datetime("2027-01-01") }',
    true,
  ],
  ['nothing of the context', 'when { resource.facts.mfa }', false],
  ['another attribute', 'when { context.mfa }', false],
  ['whether an attribute is there', 'when { context has note }', false],
  ['a comment about now', 'when { // not now, context and all\n context.mfa }', false],
  ['a text about now', 'when { resource.name like "*now*" }', false],
];

/** Scopes of a permit that reads the time of an action of its own, and whether it concerns a Person asking about a Vault. */
const scopes: readonly (readonly [string, (id: string) => string, boolean])[] = [
  ['anybody', (id) => `principal, action == ${id}, resource`, true],
  ['a group of the action', (id) => `principal, action in [${id}Group], resource`, true],
  ['their types', (id) => `principal is Person, action == ${id}, resource is Vault`, true],
  ['one of them', (id) => `principal == Person::"p", action == ${id}, resource == Vault::"v"`, true],
  ['what they may be in', (id) => `principal in Team::"t", action == ${id}, resource in Site::"s"`, true],
  ['another type of principal', (id) => `principal is Robot, action == ${id}, resource`, false],
  ['a principal of another type', (id) => `principal == Robot::"r", action == ${id}, resource`, false],
  ['another type of resource', (id) => `principal, action == ${id}, resource is Site`, false],
  ['another type in something', (id) => `principal is Robot in Team::"t", action == ${id}, resource`, false],
];

const applies = 'appliesTo { principal: [Person, Robot], resource: [Vault, Site], context: Facts }';

function files(): ReadonlyMap<string, string> {
  const schema = [
    'entity Team in [Team]; entity Person, Robot in [Team]; entity Site;',
    'entity Vault in [Site] { name: String, facts: { mfa: Bool, note?: String, now: datetime } };',
    'type Facts = { mfa: Bool, note?: String, now: datetime };',
    ...conditions.map((_, index) => `action c${index} ${applies.replace(', Site', '')};`),
    ...scopes.map((_, index) => `action s${index}Group; action s${index} in [s${index}Group] ${applies};`),
    'action untimed appliesTo { principal: [Person], resource: [Vault], context: { mfa: Bool } };',
    'namespace Curfew { entity System; }',
  ];
  const permits = [
    ...conditions.map(
      ([, condition], index) =>
        `@id("c${index}") @advice("come now") permit (principal, action == Action::"c${index}", resource) ${condition};`,
    ),
    ...scopes.map(([, scope], index) => {
      const head = scope(`Action::"s${index}`).replaceAll(/(Action::"s\d+(?:Group)?)/g, '$1"');
      return `@id("s${index}") forbid (${head}) when { context.now < datetime("2027-01-01") };`;
    }),
    '@id("untimed") permit (principal, action == Action::"untimed", resource);',
  ];
  return new Map([
    ['schema.cedarschema', schema.join('\n')],
    ['access/all.cedar', permits.join('\n')],
  ]);
}

let policies: PolicySet;

beforeAll(async () => {
  const result = await loadPolicies(files());
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  policies = result.policies;
});

function readsNow(id: string): boolean {
  const shape = actionOf(policies.schema, action(id)) ?? expect.unreachable();
  const kind: Kind = { phase: 'access', action: shape, principalType: 'Person', resourceType: 'Vault' };
  return mayReadNow(policies, kind);
}

it.each(conditions.map(([what, , wanted], index) => [what, wanted, index] as const))(
  'a policy that reads %s may read the time: %s',
  (_what, wanted, index) => {
    expect(readsNow(`c${index}`)).toBe(wanted);
  },
);

it.each(scopes.map(([what, , wanted], index) => [what, wanted, index] as const))(
  'a policy for %s that reads the time concerns a question of that kind: %s',
  (_what, wanted, index) => {
    expect(readsNow(`s${index}`)).toBe(wanted);
  },
);

it('an action that declares no time cannot have it read', () => {
  expect(readsNow('untimed')).toBe(false);
});
