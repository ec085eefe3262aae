import type { EntityUid } from '../access/entity.ts';
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

/** Reads an access request where Curfew asks the action about one. @throws YamlError */
export function requestOf(
  shape: SchemaShape,
  tree: YamlTree | undefined,
  asked: { readonly action: ActionShape; readonly principal: EntityUid; readonly offset: number },
): RequestFacts | undefined {
  const { action, principal } = asked;
  const isAboutRequest = isCurfewAction(action.uid) && action.context.has('request');
  if (tree === undefined && isAboutRequest)
    throw new YamlError(
      asked.offset,
      `no \`request\`, and Curfew asks ${action.uid.id} about one`,
      'say request: { actions: […] }',
    );
  if (tree === undefined) return undefined;
  if (!isAboutRequest) throw new YamlError(tree.offset, `\`request\`, and ${action.uid.id} is about none`);
  const map = mapOf(tree, 'request', [
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
  ]);
  const get = (key: string): YamlTree | undefined => map.entries.get(key);
  const isOwn = action.uid.id === 'request';
  const named = optional(get('requester'), uidOf);
  const subject = optional(get('subject'), uidOf) ?? (isOwn ? principal : named);
  const requester = named ?? (isOwn || action.uid.id === 'requestFor' ? principal : undefined);
  if (subject === undefined || requester === undefined)
    throw new YamlError(
      map.offset,
      `request without \`requester\`, and ${action.uid.id} may be asked by another`,
    );
  if (isOwn && (subject.type !== principal.type || subject.id !== principal.id))
    throw new YamlError(
      map.offset,
      '`subject` is not the principal',
      'Curfew asks request with the subject as principal',
    );
  const ticket = optional(get('ticket'), textOf);
  const startsAt = optional(get('startsAt'), instantOf);
  const workflow = optional(get('workflow'), textOf);
  const actions = listOf(required(map, 'actions', 'request'), 'a list of actions').flatMap((item) =>
    actionIds(shape, item),
  );
  return {
    id: optional(get('id'), textOf) ?? 'a-request',
    requester,
    subject,
    actions: [...new Set(actions)],
    reason: optional(get('reason'), textOf) ?? 'a reason',
    ...(ticket === undefined ? {} : { ticket }),
    durationMs: optional(get('duration'), durationOf) ?? HOUR_MS,
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(workflow === undefined ? {} : { workflow }),
    breakGlass: optional(get('breakGlass'), booleanOf) ?? false,
    extension: optional(get('extension'), integerOf) ?? 0n,
  };
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
