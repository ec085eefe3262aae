import { type EntityUid, sameUid } from '../access/entity.ts';
import type { SignIn } from '../access/sign-in.ts';
import {
  booleanOf,
  durationOf,
  emptyMap,
  instantOf,
  integerOf,
  listOf,
  mapOf,
  optional,
  required,
  textOf,
  textsOf,
  uidOf,
} from './case-values.ts';
import { suggest } from './closest.ts';
import type { GrantFacts, RequestFacts } from './curfew-context.ts';
import { type PolicySet, workflowById } from './policy-set.ts';
import {
  type ActionShape,
  domainActions,
  expandAction,
  isCurfewAction,
  type SchemaShape,
} from './schema-shape.ts';
import { describeTree, YamlError, type YamlTree } from './yaml-tree.ts';

const HOUR_MS = 3_600_000;

/** Reads a pretended grant; everything has a default. @throws YamlError */
export function grantOf(policies: PolicySet, tree: YamlTree, now: Date): GrantFacts {
  const map = mapOf(tree.kind === 'scalar' && tree.value === null ? emptyMap(tree) : tree, 'grant', [
    'id',
    'workflow',
    'steps',
    'reason',
    'ticket',
    'breakGlass',
    'startsAt',
    'expiresAt',
  ]);
  const get = (key: string): YamlTree | undefined => map.entries.get(key);
  const ticket = optional(get('ticket'), textOf);
  return {
    id: optional(get('id'), textOf) ?? 'a-grant',
    workflow:
      optional(get('workflow'), (it) => workflowAt(policies, it)) ??
      policies.requestWorkflows[0]?.id ??
      'a-workflow',
    steps: optional(get('steps'), (it) => textsOf(it)) ?? [],
    reason: optional(get('reason'), textOf) ?? 'a reason',
    ...(ticket === undefined ? {} : { ticket }),
    breakGlass: optional(get('breakGlass'), booleanOf) ?? false,
    startsAt: optional(get('startsAt'), instantOf) ?? now,
    expiresAt: optional(get('expiresAt'), instantOf) ?? new Date(now.getTime() + HOUR_MS),
  };
}

/** The Curfew action that a case asks, and of whom. */
interface AskedAction {
  readonly action: ActionShape;
  readonly principal: EntityUid;
  /** Where the question stands. */
  readonly offset: number;
}

const REQUEST_KEYS = [
  'id',
  'requester',
  'subject',
  'actions',
  'reason',
  'ticket',
  'duration',
  'startsAt',
  'workflow',
  'breakGlass',
  'extension',
];

/** Reads an access request where Curfew asks the action about one. @throws YamlError */
export function requestOf(
  shape: SchemaShape,
  tree: YamlTree | undefined,
  asked: AskedAction,
): RequestFacts | undefined {
  const { uid, context } = asked.action;
  const isAboutRequest = isCurfewAction(uid) && context.has('request');
  if (tree === undefined) {
    if (!isAboutRequest) return undefined;
    const message = `no \`request\`, and Curfew asks ${uid.id} about one`;
    throw new YamlError(asked.offset, message, 'say request: { actions: […] }');
  }
  if (!isAboutRequest) throw new YamlError(tree.offset, `\`request\`, and ${uid.id} is about none`);
  const map = mapOf(tree, 'request', REQUEST_KEYS);
  const get = (key: string): YamlTree | undefined => map.entries.get(key);
  const ticket = optional(get('ticket'), textOf);
  const startsAt = optional(get('startsAt'), instantOf);
  const workflow = optional(get('workflow'), textOf);
  const actions = listOf(required(map, 'actions', 'request'), 'a list of actions');
  return {
    ...peopleOf(tree, get, asked),
    id: optional(get('id'), textOf) ?? 'a-request',
    actions: [...new Set(actions.flatMap((item) => actionIds(shape, item)))],
    reason: optional(get('reason'), textOf) ?? 'a reason',
    ...(ticket === undefined ? {} : { ticket }),
    durationMs: optional(get('duration'), durationOf) ?? HOUR_MS,
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(workflow === undefined ? {} : { workflow }),
    breakGlass: optional(get('breakGlass'), booleanOf) ?? false,
    extension: optional(get('extension'), integerOf) ?? 0n,
  };
}

/** Reads how the principal signed in where Curfew tells policies; undefined when the case says nothing of it. @throws YamlError */
export function signInOf(tree: YamlTree | undefined, { uid, context }: ActionShape): SignIn | undefined {
  if (tree === undefined) return undefined;
  if (!isCurfewAction(uid) || !context.has('auth')) {
    const hint = 'only `approve` has it, and only where the schema declares auth? in its context';
    throw new YamlError(tree.offset, `\`auth\`, which Curfew does not supply for ${uid.id} here`, hint);
  }
  const map = mapOf(tree, 'auth', ['time', 'methods']);
  const methods = optional(map.entries.get('methods'), (it) => textsOf(it)) ?? [];
  return { at: optional(map.entries.get('time'), instantOf), methods };
}

/** Curfew asks `request` of the subject and `requestFor` of the requester; anything else somebody else may be asked. */
function peopleOf(
  tree: YamlTree,
  get: (key: string) => YamlTree | undefined,
  { action, principal }: AskedAction,
): Pick<RequestFacts, 'requester' | 'subject'> {
  const isOwn = action.uid.id === 'request';
  const named = optional(get('requester'), uidOf);
  const requester = named ?? (isOwn || action.uid.id === 'requestFor' ? principal : undefined);
  const subject = optional(get('subject'), uidOf) ?? (isOwn ? principal : named);
  if (subject === undefined || requester === undefined) {
    const missing = requester === undefined ? 'requester' : 'subject';
    throw new YamlError(
      tree.offset,
      `request without \`${missing}\`, and ${action.uid.id} may be asked of another`,
    );
  }
  if (!isOwn || sameUid(subject, principal)) return { requester, subject };
  const hint = 'Curfew asks request with the subject as principal';
  throw new YamlError(tree.offset, '`subject` is not the principal', hint);
}

/** As at submission: a group stands for its members, and what takes no grants cannot be requested. */
function actionIds(shape: SchemaShape, tree: YamlTree): readonly string[] {
  const text = textOf(tree, 'the id of an action');
  const action = domainActions(shape).find(
    ({ uid }) => uid.id === text || `${uid.type}::${JSON.stringify(uid.id)}` === text,
  );
  if (action === undefined) {
    const ids = domainActions(shape).map(({ uid }) => uid.id);
    throw new YamlError(tree.offset, `unknown action ${describeTree(tree)}`, suggest(text, ids));
  }
  const ids = expandAction(shape, action.uid).map(({ uid }) => uid.id);
  if (ids.length === 0)
    throw new YamlError(tree.offset, `${describeTree(tree)} takes no grants, so nobody can request it`);
  return ids;
}

/** Reads the id of a workflow that there is. @throws YamlError */
export function workflowAt(policies: PolicySet, tree: YamlTree): string {
  const id = textOf(tree);
  if (workflowById(policies, id) !== undefined) return id;
  throw new YamlError(
    tree.offset,
    `unknown workflow ${describeTree(tree)}`,
    suggest(
      id,
      policies.requestWorkflows.map((it) => it.id),
    ),
  );
}
