import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import type { SignIn } from '../access/sign-in.ts';
import { formatSteps, type Step } from '../access/workflow.ts';
import { grantOf, requestOf, signInOf, workflowAt } from './case-facts.ts';
import {
  actionAt,
  attributesOf,
  emptyList,
  emptyMap,
  entityOf,
  instantOf,
  listOf,
  mapOf,
  oneOf,
  optional,
  required,
  textOf,
  textsOf,
  uidOf,
} from './case-values.ts';
import { suggest } from './closest.ts';
import type { GrantFacts, RequestFacts } from './curfew-context.ts';
import { type PolicySet, policyById } from './policy-set.ts';
import type { Problem } from './problem.ts';
import { type ActionShape, isCurfewAction } from './schema-shape.ts';
import { placeOf, type SourceText } from './source-text.ts';
import { describeTree, parseYaml, YamlError, type YamlTree, yamlProblem } from './yaml-tree.ts';

/** What a case expects; what is undefined is not looked at. */
export interface Expectation {
  readonly effect: 'allow' | 'deny';
  readonly policies: readonly string[] | undefined;
  readonly errors: readonly string[];
  readonly through: 'standing' | 'grant' | undefined;
  readonly workflow: string | undefined;
  /** "owner:2", "security"; for an `approve` decision names alone. */
  readonly steps: readonly string[] | undefined;
}

/** One decision to check. */
export interface PolicyCase {
  readonly name: string;
  readonly line: number;
  /** Offset in the file, for problems. */
  readonly offset: number;
  readonly now: Date;
  /** Pretend that this grant covers the question. */
  readonly grant: GrantFacts | undefined;
  /** Sent by the caller. */
  readonly entities: readonly Entity[];
  /** Replacing and joining the directory. */
  readonly directory: readonly Entity[];
  readonly principal: EntityUid;
  readonly action: ActionShape;
  readonly resource: EntityUid;
  readonly context: Attributes;
  readonly request: RequestFacts | undefined;
  /** How the principal signed in. */
  readonly signIn: SignIn | undefined;
  readonly expected: Expectation;
}

export interface ReadCases {
  readonly source: SourceText;
  readonly cases: readonly PolicyCase[];
  readonly problems: readonly Problem[];
}

const DEFAULT_NOW = new Date('2026-06-01T09:00:00Z');

/** Reads a file of cases; each case that cannot be read is a problem at its place. */
export function readCases(policies: PolicySet, text: string, file: string): ReadCases {
  const { source, tree, problems } = parseYaml(file, text);
  if (tree === undefined) return { source, cases: [], problems };
  const found: Problem[] = [];
  const cases: PolicyCase[] = [];
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      found.push(yamlProblem(source, error));
    }
  };
  attempt(() => {
    const list = required(mapOf(tree, 'the file', ['cases']), 'cases', 'a file');
    for (const item of listOf(list, 'a list of cases'))
      attempt(() => cases.push(readCase(policies, item, placeOf(source, item.offset).line)));
  });
  return { source, cases, problems: found };
}

function readCase(policies: PolicySet, tree: YamlTree, line: number): PolicyCase {
  const map = mapOf(tree, 'a case', ['name', 'given', 'when', 'then']);
  const shape = policies.schema;
  const name = textOf(required(map, 'name', 'a case'));
  const given = mapOf(map.entries.get('given') ?? emptyMap(tree), 'given', [
    'now',
    'grant',
    'entities',
    'directory',
  ]);
  const when = required(map, 'when', 'a case');
  const asked = mapOf(when, 'when', ['principal', 'action', 'resource', 'context', 'request', 'auth']);
  const action = actionAt(shape, required(asked, 'action', 'when'));
  const principal = uidOf(required(asked, 'principal', 'when'));
  const now = optional(given.entries.get('now'), instantOf) ?? DEFAULT_NOW;
  const entitiesAt = (key: string): readonly Entity[] =>
    listOf(given.entries.get(key) ?? emptyList(tree), 'a list of entities').map((item) =>
      entityOf(shape, item),
    );
  const context = asked.entries.get('context');
  if (context !== undefined && isCurfewAction(action.uid))
    throw new YamlError(
      context.offset,
      '`context` of a Curfew action, which only Curfew supplies',
      'say `request` or `auth`',
    );
  const grant = given.entries.get('grant');
  if (grant !== undefined && !action.takesGrants)
    throw new YamlError(grant.offset, `\`grant\`, and ${action.uid.id} takes no grants`);
  return {
    name,
    line,
    offset: tree.offset,
    now,
    grant: optional(grant, (it) => grantOf(policies, it, now)),
    entities: entitiesAt('entities'),
    directory: entitiesAt('directory'),
    principal,
    action,
    resource: uidOf(required(asked, 'resource', 'when')),
    context: optional(context, (it) => attributesOf(action.context, it)) ?? new Map(),
    request: requestOf(shape, asked.entries.get('request'), { action, principal, offset: when.offset }),
    signIn: signInOf(asked.entries.get('auth'), action),
    expected: expectationOf(policies, required(map, 'then', 'a case'), action),
  };
}

function expectationOf(policies: PolicySet, tree: YamlTree, action: ActionShape): Expectation {
  const isCurfews = isCurfewAction(action.uid);
  const known = isCurfews
    ? ['effect', 'policies', 'errors', 'workflow', 'steps']
    : ['effect', 'policies', 'errors', 'through'];
  const map = mapOf(tree, 'then', known);
  const get = (key: string): YamlTree | undefined => map.entries.get(key);
  const ids = (it: YamlTree): readonly string[] =>
    listOf(it, 'a list of policy ids').map((item) => policyAt(policies, item));
  const steps = optional(get('steps'), (it) => textsOf(it, 'a list of steps'));
  return {
    effect: oneOf(required(map, 'effect', 'then'), ['allow', 'deny']),
    policies: optional(get('policies'), ids),
    errors: optional(get('errors'), ids) ?? [],
    through: optional(get('through'), (it) => oneOf(it, ['standing', 'grant'])),
    workflow: optional(get('workflow'), (it) => workflowAt(policies, it)),
    steps: steps?.map((step) => step.replaceAll(' ', '').replace(/:1$/, '')),
  };
}

/** The steps as a case writes them. */
export function stepNotation(steps: readonly Step[]): readonly string[] {
  return steps.map((step) => formatSteps([step]));
}

function policyAt(policies: PolicySet, tree: YamlTree): string {
  const id = textOf(tree);
  if (policyById(policies, id) !== undefined) return id;
  const ids = [...policies.access, ...policies.workflows].map((policy) => policy.id);
  throw new YamlError(tree.offset, `unknown policy ${describeTree(tree)}`, suggest(id, ids));
}
