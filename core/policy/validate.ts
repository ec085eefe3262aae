import type { DetailedError, SchemaJson, ValidationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { newCedarInstance } from './cedar-instance.ts';
import { type Examiner, guarded } from './examiner.ts';
import { cedarProblem, type ParsedPolicy } from './parse-policy.ts';
import { phaseOf, type PolicyFolder } from './policy-rules.ts';
import type { ExaminedSchema } from './read-schema.ts';

type Placed = ParsedPolicy & { readonly folder: PolicyFolder };

/** Validates each policy strictly against the actions of its phase; errors and warnings are both problems. */
export function validatePolicies(
  examiner: Examiner,
  schema: ExaminedSchema,
  placed: readonly Placed[],
): void {
  for (const phase of ['access', 'workflows'] as const) {
    const policies = placed.filter((it) => phaseOf(it.folder) === phase);
    const json = schema.ofPhase[phase];
    // one call for all parses the schema once; when that dies, one call for each finds out whose fault it was
    if (!validateTogether(examiner, json, policies))
      for (const it of policies)
        guarded(examiner, it.chunk, () => note(examiner, [it], validate(examiner, json, [it])));
  }
}

function validateTogether(
  examiner: Examiner,
  schema: SchemaJson<string>,
  policies: readonly Placed[],
): boolean {
  if ((examiner.options.skip ?? []).length > 0) return false;
  try {
    const answer = validate(examiner, schema, policies);
    if (answer.type === 'success') note(examiner, policies, answer);
    return answer.type === 'success';
  } catch {
    examiner.cedar = newCedarInstance(); // one by one is tried next, and names the policy
    return false;
  }
}

function validate(
  examiner: Examiner,
  schema: SchemaJson<string>,
  policies: readonly Placed[],
): ValidationAnswer {
  const staticPolicies = Object.fromEntries(policies.map((it, index) => [`policy${index}`, it.policy.text]));
  return examiner.cedar.validate({
    schema,
    policies: { staticPolicies },
    validationSettings: { mode: 'strict' },
  });
}

/** One problem for each place: Cedar repeats itself for each action, and calls what it cannot type impossible, too. */
function note(examiner: Examiner, policies: readonly Placed[], answer: ValidationAnswer): void {
  const noted = new Set<string>();
  const add = (id: string, error: DetailedError, isWarning: boolean): void => {
    const policy = policies[Number(id.replace('policy', ''))] ?? policies[0];
    if (policy === undefined || (isWarning && noted.has(id))) return;
    const problem = cedarProblem(policy.chunk, error);
    const place = `${problem.file}:${problem.line}:${problem.column}`;
    if (!noted.has(place)) examiner.problems.push(problem);
    noted.add(place).add(id);
  };
  if (answer.type === 'failure') {
    for (const error of answer.errors) add('policy0', error, false);
    return;
  }
  for (const { policyId, error } of answer.validationErrors) add(policyId, error, false);
  for (const { policyId, error } of answer.validationWarnings) add(policyId, error, true);
  for (const error of answer.otherWarnings) add('policy0', error, false);
}
