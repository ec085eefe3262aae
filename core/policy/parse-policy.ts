import type {
  ActionConstraint,
  DetailedError,
  EntityUidJson,
  PolicyJson,
  PrincipalConstraint,
  ResourceConstraint,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUid } from '../access/entity.ts';
import type { CedarInstance } from './cedar-instance.ts';
import { contextReads } from './context-reads.ts';
import { entityReads } from './entity-reads.ts';
import { guardsOf } from './guards.ts';
import type { ActionScope, EntityScope, PolicySource } from './policy-set.ts';
import type { Problem } from './problem.ts';
import { signInMethodsNamed } from './sign-in-methods.ts';
import { offsetOfByte, placeOf, problemAt } from './source-text.ts';
import type { PolicyChunk } from './split.ts';

/** Cedar names the policy in its messages, by a name that only we use. */
const ABOUT_POLICY = /^for policy `[^`]*`, /;

/** A policy that Cedar can read; its id may still be missing or taken. */
export interface ParsedPolicy {
  readonly chunk: PolicyChunk;
  /** `id` is "" when there is no `@id`. */
  readonly policy: PolicySource;
  readonly json: PolicyJson;
}

/** Parses one policy. @throws whatever wasm throws when the policy kills it. */
export function parsePolicy(cedar: CedarInstance, chunk: PolicyChunk): ParsedPolicy | readonly Problem[] {
  const answer = cedar.policyToJson(chunk.text);
  if (answer.type === 'failure') return answer.errors.map((error) => cedarProblem(chunk, error));
  const { json } = answer;
  const annotations = Object.entries(json.annotations ?? {}).map(([name, value]): [string, string] => [
    name,
    (value as string | null) ?? '', // the package's types forget annotations without a value
  ]);
  const { line, column } = placeOf(chunk.source, chunk.start);
  const policy: PolicySource = {
    id: new Map(annotations).get('id') ?? '',
    effect: json.effect,
    text: chunk.text,
    annotations: new Map(annotations),
    file: chunk.source.file,
    line,
    column,
    principal: entityScope(json.principal),
    action: actionScope(json.action),
    resource: entityScope(json.resource),
    ...guardsOf(json),
    conditions: conditionsOf(chunk, json.effect),
    contextReads: contextReads(json),
    entityReads: entityReads(
      json,
      chunk.source.file.startsWith('workflows/') ? ['request', 'auth'] : ['grant'],
    ),
    signInMethods: signInMethodsNamed(json),
  };
  return { chunk, policy, json };
}

/**
 * The policy without annotations and head. It is cut out of the text: printed from what was parsed, it could have more brackets than
 * Cedar can bear.
 */
function conditionsOf({ tokens, text, start }: PolicyChunk, effect: string): string {
  const head = tokens.findIndex((token, i) => token.text === effect && tokens[i - 1]?.text !== '@');
  const end = tokens.find((token, i) => i > head && token.text === ')')?.end;
  if (head < 0 || end === undefined) throw new Error(`a policy without a head was parsed: ${text}`);
  return `${effect} (principal, action, resource)${text.slice(end - start)}`;
}

/** Cedar's error about a policy, at its place in the file. */
export function cedarProblem(chunk: PolicyChunk, error: DetailedError): Problem {
  const [place] = error.sourceLocations ?? [];
  const offset = chunk.start + (place === undefined ? 0 : offsetOfByte(chunk.text, place.start));
  const slot = /template containing the slot (\S+)/.exec(error.message)?.[1];
  if (slot !== undefined) {
    const message = `policy has the slot ${slot}, wanted no templates`;
    return problemAt(chunk.source, offset, message, 'write one policy for each principal or resource');
  }
  const text = error.message
    .replace(/^failed to parse policy(?: with id `[^`]*`)? from string: /, '')
    .replace(ABOUT_POLICY, '');
  const label = place?.label === null || place?.label === undefined ? '' : `, ${place.label}`;
  return problemAt(chunk.source, offset, `${text}${label}`, error.help?.replace(ABOUT_POLICY, ''));
}

/** Where the annotation stands in the file, or the policy when it has none of that name. */
export function annotationOffset(chunk: PolicyChunk, name: string): number {
  const at = chunk.tokens.findIndex((token, i) => token.text === '@' && chunk.tokens[i + 1]?.text === name);
  return chunk.tokens[at]?.start ?? chunk.start;
}

/** Every entity that a policy's JSON names, head included. */
export function entitiesNamed(json: PolicyJson): EntityUid[] {
  const found: EntityUid[] = [];
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    if ('type' in node && 'id' in node && typeof node.type === 'string' && typeof node.id === 'string')
      found.push({ type: node.type, id: node.id });
    for (const child of Object.values(node)) visit(child);
  };
  visit([json.principal, json.action, json.resource, json.conditions]);
  return found;
}

function entityScope(scope: PrincipalConstraint | ResourceConstraint): EntityScope {
  switch (scope.op) {
    case 'All':
      return { kind: 'any' };
    case '==':
      return { kind: 'equals', uid: staticEntity(scope) };
    case 'in':
      return { kind: 'in', uid: staticEntity(scope) };
    case 'is':
      return scope.in === undefined
        ? { kind: 'is', type: scope.entity_type }
        : { kind: 'isIn', type: scope.entity_type, uid: staticEntity(scope.in) };
  }
}

function actionScope(scope: ActionConstraint): ActionScope {
  switch (scope.op) {
    case 'All':
      return { kind: 'any' };
    case '==':
      return { kind: 'equals', uid: staticEntity(scope) };
    case 'in':
      return { kind: 'in', uids: ('entities' in scope ? scope.entities : [scope.entity]).map(plainUid) };
  }
}

function staticEntity(scope: { entity: EntityUidJson } | { slot: string }): EntityUid {
  if ('slot' in scope) throw new Error(`Cedar parsed the slot ${scope.slot} as part of a static policy`);
  return plainUid(scope.entity);
}

function plainUid(uid: EntityUidJson): EntityUid {
  const { type, id } = '__entity' in uid ? uid.__entity : uid;
  return { type, id };
}
