import { beforeAll, expect, it } from 'vitest';
import { loadPolicies } from '../../../core/policy/load.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { actionOf } from '../../../core/policy/schema-shape.ts';
import { grantReads } from '../../../core/policy/reads-about.ts';
import { action } from '../../services/decision/people.ts';

/** Conditions of a permit for an action of its own, and what they read of the grant. */
const conditions: readonly (readonly [string, string, 'whole' | readonly string[]])[] = [
  ['nothing of the context', 'when { principal.grant }', []],
  ['another attribute', 'when { context.mfa }', []],
  ['whether there is a grant', 'when { context has grant }', []],
  ['that there is none', 'unless { context has grant || context.mfa }', []],
  ['a field', 'when { context has grant && context.grant.workflow == "w" }', ['workflow']],
  ['a field of a field', 'when { context has grant && context.grant.steps.contains("x") }', ['steps']],
  ['whether a field is there', 'when { context has grant && context.grant has ticket }', ['ticket']],
  ['both at once', 'when { context has grant.ticket && context.grant.ticket like "T*" }', ['ticket']],
  [
    'fields in several conditions',
    'when { context has grant && context.grant.reason like "*" } when { context.grant.id != "" }',
    ['id', 'reason'],
  ],
  ['the grant by its name in quotes', 'when { context has grant && context["grant"].id == "g" }', ['id']],
  ['a field by its name in quotes', 'when { context has grant && context.grant["id"] == "g" }', ['id']],
  [
    'the grant by a name with an escape',
    String.raw`when { context has grant && context["gr\u{61}nt"].id == "g" }`,
    ['id'],
  ],
  ['the grant as a whole', 'when { context has grant && context.grant == context.grant }', 'whole'],
  ['the context as a whole', 'when { {a: context} == {a: context} }', 'whole'],
  ['the context in brackets', 'when { context has grant && (context).grant.id == "g" }', ['id']],
  ['a comment about it', 'when { // context.grant.id\n context has grant }', []],
];

let policies: PolicySet;

beforeAll(async () => {
  const schema = [
    'entity Person { grant: Bool }; entity Robot; entity Vault;',
    ...conditions.map(
      (_, index) =>
        `action c${index} appliesTo { principal: [Person], resource: [Vault], context: { mfa: Bool, grant?: Curfew::Grant } };`,
    ),
    `namespace Curfew { entity System; type Grant = { id: String, workflow: String, steps: Set<String>, reason: String, ticket?: String };
     type AccessRequest = { subject?: Person, subjectService?: Robot }; }`,
  ];
  const permits = conditions.map(
    ([, condition], index) =>
      `@id("c${index}") permit (principal, action == Action::"c${index}", resource) ${condition};`,
  );
  const result = await loadPolicies(
    new Map([
      ['schema.cedarschema', schema.join('\n')],
      ['access/all.cedar', permits.join('\n')],
    ]),
  );
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  policies = result.policies;
});

function readsFor(id: string, principalType = 'Person') {
  const shape = actionOf(policies.schema, action(id)) ?? expect.unreachable();
  const reads = grantReads(policies, {
    phase: 'access',
    action: shape,
    principalType,
    resourceType: 'Vault',
  });
  return reads === 'whole' ? reads : [...reads.keys()].toSorted();
}

it.each(conditions.map(([what, , wanted], index) => [what, wanted, index] as const))(
  'a policy that reads %s reads of the grant: %s',
  (_what, wanted, index) => {
    expect(readsFor(`c${index}`)).toEqual(wanted);
    expect(readsFor(`c${index}`)).toEqual(wanted);
  },
);
