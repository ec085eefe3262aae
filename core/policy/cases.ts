/**
 * `policies/cases/*.yaml`: decisions as data, run against the policies and the folder's `directory.json`.
 *
 * ```yaml
 * cases:
 *   # A question to access/ and guardrails/. Standing first, then with the grant, as the decision service asks it.
 *   - name: an engineer reads production with a grant
 *     given:                                  # optional
 *       now: 2026-06-01T09:00:00Z             # the default
 *       grant:                                # pretend that a live grant covers the question; all fields optional
 *         workflow: prod-reads                #   and `grant: {}` pretends one, too
 *         steps: [owner]
 *         reason: "ticket OPS-1"              #   also: id, ticket, breakGlass, startsAt, expiresAt
 *       entities:                             # what the caller sends: entities of @caller types, Cedar's JSON form
 *         - uid: { type: Document, id: d1 }
 *           attrs: { owner: 'User::"ada"' }
 *           parents: [ 'Folder::"f1"' ]
 *       directory:                            # optional: entities that replace or join directory.json for this case
 *         - uid: User::"new"
 *           parents: [ 'Group::"engineering"' ]
 *     when:
 *       principal: User::"ada"                # Cedar's notation, or { type: User, id: ada }
 *       action: read                          # the id of an action, or Action::"read"
 *       resource: Database::"orders"
 *       context: { mfa: true }                # values in YAML, read as the schema's types: entities as User::"ada",
 *                                             # datetime, duration, decimal and ip as strings
 *     then:
 *       effect: allow                         # allow or deny; required
 *       policies: [jit]                       # optional: exactly these determine the answer, in any order
 *       through: grant                        # optional: standing or grant
 *       errors: [some-policy]                 # default: none; policies that err
 *
 *   # A question about a Curfew action; `request` gives context.request where the action has one.
 *   - name: an engineer may ask to read production
 *     when:
 *       principal: User::"ada"                # request: the subject; requestFor: the requester; approve: the reviewer
 *       action: Curfew::Action::"request"     # or `request`, while no action of the domain has that id
 *       resource: Database::"orders"
 *       request:
 *         actions: [read]                     # ids, required; groups are expanded
 *         duration: 1h                        # default 1h
 *         reason: "looking at an incident"    # default "a reason"; also: id, ticket, startsAt, workflow, breakGlass, extension
 *         requester: User::"ada"              # default: the subject, or the principal
 *         subject: User::"ada"                # default: the principal of `request`, else the requester
 *       auth:                                 # for approve: what the token says of the sign-in; without it, nothing
 *         time: 2026-06-01T08:58:00Z          #   both optional
 *         methods: [pwd, otp]
 *     then:
 *       effect: allow
 *       workflow: prod-reads                  # optional, for `request`: the one that is used
 *       steps: [owner]                        # optional; request: what that workflow needs, `["owner:2", security]` or [];
 *                                             #           approve: the steps that the principal may fill
 * ```
 *
 * Integers are int64 and exact. Unknown keys, types and names are refused with their line.
 */
import { type Entity, type EntityUid, uidKey } from '../access/entity.ts';
import { pickWorkflow } from '../access/workflow.ts';
import { checkQuestion, fitEntity } from './check-question.ts';
import { accessContext, curfewContext, type GrantFacts } from './curfew-context.ts';
import { createEngine, type Engine, type Evaluation } from './engine.ts';
import { entitiesFor } from './entity-closure.ts';
import { adviceOf, type PolicySet, stepsOf, workflowsOf } from './policy-set.ts';
import type { Problem } from './problem.ts';
import { type PolicyCase, readCases, stepNotation } from './read-cases.ts';
import { isCurfewAction } from './schema-shape.ts';
import { problemAt } from './source-text.ts';

/** How one case came out. */
export interface CaseResult {
  readonly name: string;
  readonly file: string;
  /** Where the case stands in its file, 1-based. */
  readonly line: number;
  readonly passed: boolean;
  /** Expected against found, a line for each difference; empty when it passed. */
  readonly differences: readonly string[];
}

/** The cases of one file: either all ran, or the file cannot be read and none did. */
export type CaseReport =
  | { readonly ok: true; readonly results: readonly CaseResult[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface CaseSubject {
  readonly policies: PolicySet;
  /** The directory. */
  readonly entities: readonly Entity[];
  /** An engine for the same policies, when there is one already. */
  readonly engine?: Engine;
}

/** Runs the cases of one YAML text; never throws for what is in it. */
export function runCases(subject: CaseSubject, text: string, file: string): CaseReport {
  const { source, cases, problems } = readCases(subject.policies, text, file);
  const wrong = cases.flatMap((it) =>
    invalid(subject.policies, it).map((message) => problemAt(source, it.offset, message)),
  );
  if (problems.length + wrong.length > 0) return { ok: false, problems: [...problems, ...wrong] };
  const engine = subject.engine ?? createEngine(subject.policies);
  const { schema } = subject.policies;
  const directory = new Map(subject.entities.map((it) => [uidKey(it.uid), fitEntity(schema, it)]));
  const results = cases.map((it): CaseResult => {
    const differences = isCurfewAction(it.action.uid)
      ? workflowDifferences(engine, directory, it)
      : accessDifferences(engine, directory, it);
    return { name: it.name, file, line: it.line, passed: differences.length === 0, differences };
  });
  return { ok: true, results };
}

type Directory = ReadonlyMap<string, Entity>;

/** What the decision service would refuse instead of answering. */
function invalid(policies: PolicySet, it: PolicyCase): readonly string[] {
  const { action, principal, resource, context, entities } = it;
  if (!isCurfewAction(action.uid)) {
    const violations = checkQuestion(policies.schema, {
      principal,
      action: action.uid,
      resource,
      context,
      entities,
    });
    return violations.map(({ path, seen, wanted }) => `${path} is ${seen}, wanted ${wanted}`);
  }
  const check = (part: string, uid: EntityUid, types: readonly string[]): string[] =>
    types.includes(uid.type)
      ? []
      : [`${part} is a ${uid.type}, wanted a type that ${action.uid.id} applies to: ${types.join(', ')}`];
  return [
    ...check('principal', principal, action.principalTypes),
    ...check('resource', resource, action.resourceTypes),
  ];
}

/** Standing first, then with the grant: as the decision service asks. */
function accessDifferences(engine: Engine, directory: Directory, it: PolicyCase): string[] {
  const decide = (grant?: GrantFacts): Evaluation => {
    const context = accessContext({ action: it.action, sent: it.context, now: it.now, grant });
    return ask(engine, 'access', directory, it, context);
  };
  const standing = decide();
  const granted = standing.decision === 'deny' && it.grant !== undefined ? decide(it.grant) : undefined;
  const evaluation = granted ?? standing;
  const differences = commonDifferences(engine.policies, it, evaluation, [
    standing,
    ...(granted ? [granted] : []),
  ]);
  const through = evaluation.decision === 'deny' ? 'nothing' : granted === undefined ? 'standing' : 'grant';
  if (it.expected.through !== undefined && it.expected.through !== through)
    differences.push(`through: wanted ${it.expected.through}, got ${through}`);
  return differences;
}

function workflowDifferences(engine: Engine, directory: Directory, it: PolicyCase): string[] {
  const { policies } = engine;
  const { action, now, request, signIn, expected } = it;
  const context = curfewContext({ shape: policies.schema, action, now, request, signIn });
  const evaluation = ask(engine, 'workflows', directory, it, context);
  const differences = commonDifferences(policies, it, evaluation, [evaluation]);
  const workflow = pickWorkflow(
    evaluation.decision === 'allow'
      ? workflowsOf(policies, evaluation.policyIds, { breakGlass: request?.breakGlass ?? false })
      : [],
  );
  if (expected.workflow !== undefined && expected.workflow !== workflow?.id)
    differences.push(`workflow: wanted ${expected.workflow}, got ${workflow?.id ?? 'none'}`);
  const fillable = evaluation.decision === 'allow' ? stepsOf(policies, evaluation.policyIds) : [];
  const steps = action.uid.id === 'request' ? stepNotation(workflow?.steps ?? []) : fillable;
  if (expected.steps !== undefined && !sameMembers(expected.steps, steps))
    differences.push(`steps: wanted ${list(expected.steps)}, got ${list(steps)}`);
  return differences;
}

function ask(
  engine: Engine,
  phase: 'access' | 'workflows',
  directory: Directory,
  it: PolicyCase,
  context: ReturnType<typeof accessContext>,
): Evaluation {
  const own = new Map([...it.directory, ...it.entities].map((entity) => [uidKey(entity.uid), entity]));
  const lookup = (uid: EntityUid): Entity | undefined => own.get(uidKey(uid)) ?? directory.get(uidKey(uid));
  const { principal, resource } = it;
  const entities = entitiesFor(engine.policies, phase, { principal, resource, context }, lookup);
  return engine.evaluate(phase, { principal, action: it.action.uid, resource, context, entities });
}

function commonDifferences(
  policies: PolicySet,
  { expected }: PolicyCase,
  evaluation: Evaluation,
  all: readonly Evaluation[],
): string[] {
  const differences: string[] = [];
  const { decision, policyIds } = evaluation;
  if (expected.effect !== decision) {
    const advice = decision === 'deny' ? adviceOf(policies, policyIds) : [];
    const because = [list(policyIds), ...advice].join('; ');
    differences.push(`effect: wanted ${expected.effect}, got ${decision} (policies ${because})`);
  }
  if (expected.policies !== undefined && !sameMembers(expected.policies, policyIds))
    differences.push(`policies: wanted ${list(expected.policies)}, got ${list(policyIds)}`);
  const errors = all.flatMap((it) => it.errors);
  const erring = [...new Set(errors.map((error) => error.policyId))];
  if (!sameMembers(expected.errors, erring)) {
    const messages = errors.map((error) => error.message).join('; ');
    differences.push(`errors: wanted ${list(expected.errors)}, got ${list(erring)} ${messages}`.trimEnd());
  }
  for (const { failure } of all) if (failure !== undefined) differences.push(`failure: ${failure}`);
  return differences;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join('\n') === b.toSorted().join('\n');
}

function list(items: readonly string[]): string {
  return `[${items.join(', ')}]`;
}
