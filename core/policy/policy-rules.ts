import type { EntityUid } from '../access/entity.ts';
import { formatUid } from '../access/entity.ts';
import { annotationOffset, entitiesNamed, type ParsedPolicy } from './parse-policy.ts';
import type { Phase } from './policy-set.ts';
import type { Problem } from './problem.ts';
import { isCurfewAction } from './schema-shape.ts';
import { placeOf, problemAt } from './source-text.ts';

/** The folders that hold policies; which one a file is in decides what its policies may say. */
export type PolicyFolder = 'access' | 'guardrails' | 'workflows';

const FOLDERS: readonly PolicyFolder[] = ['access', 'guardrails', 'workflows'];
const PRINTABLE_ID = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u;
const MAX_ID_LENGTH = 128;

/** The folder of a policy file, or undefined when the file is in none. */
export function folderOf(file: string): PolicyFolder | undefined {
  return FOLDERS.find((folder) => file.startsWith(`${folder}/`) && file.endsWith('.cedar'));
}

export function phaseOf(folder: PolicyFolder): Phase {
  return folder === 'workflows' ? 'workflows' : 'access';
}

/** The actions that a policy's head names; empty when it leaves the action open. */
function actionsNamed(parsed: ParsedPolicy): readonly EntityUid[] {
  const { action } = parsed.policy;
  return action.kind === 'any' ? [] : action.kind === 'equals' ? [action.uid] : action.uids;
}

/** Whether the policy is a permit for exactly that Curfew action: a workflow (`request`) or an approval (`approve`). */
export function permitsOnly(parsed: ParsedPolicy, action: 'request' | 'approve'): boolean {
  const [only, ...others] = actionsNamed(parsed);
  return (
    parsed.policy.effect === 'permit' &&
    only !== undefined &&
    others.length === 0 &&
    isCurfewAction(only) &&
    only.id === action
  );
}

/** Checks what a folder demands of a policy's effect and actions. */
export function checkHead(parsed: ParsedPolicy, folder: PolicyFolder): Problem[] {
  if (folder === 'workflows') return checkWorkflowHead(parsed);
  const problems = checkNoCurfewAction(parsed, folder);
  if (folder === 'guardrails' && parsed.policy.effect === 'permit') {
    const message = 'permit in guardrails/, wanted only forbid policies';
    const offset = offsetOf(parsed, parsed.policy.effect);
    problems.push(problemAt(parsed.chunk.source, offset, message, 'permits belong into access/'));
  }
  return problems;
}

/** Ids are unique over all folders: decisions, workflows and the ledger name policies by them. */
export function checkUniqueIds(policies: readonly ParsedPolicy[]): Problem[] {
  const first = new Map<string, ParsedPolicy>();
  const problems: Problem[] = [];
  for (const parsed of policies) {
    const { id } = parsed.policy;
    const other = first.get(id);
    if (id === '') continue;
    if (other === undefined) {
      first.set(id, parsed);
      continue;
    }
    const offset = annotationOffset(parsed.chunk, 'id');
    const { line } = placeOf(other.chunk.source, annotationOffset(other.chunk, 'id'));
    const message = `@id("${id}") is used twice, wanted ids that are unique over all folders`;
    problems.push(
      problemAt(parsed.chunk.source, offset, message, `first used in ${other.policy.file}:${line}`),
    );
  }
  return problems;
}

/** Checks that a policy has an id that people and machines can name it by. */
export function checkId(parsed: ParsedPolicy): Problem[] {
  const { chunk, policy } = parsed;
  if (!policy.annotations.has('id'))
    return [problemAt(chunk.source, chunk.start, 'policy without @id, wanted @id("a-name")')];
  if (policy.id.length <= MAX_ID_LENGTH && PRINTABLE_ID.test(policy.id)) return [];
  const seen = JSON.stringify(policy.id.slice(0, 60));
  const message = `@id is ${seen} (${policy.id.length} characters), wanted 1 to ${MAX_ID_LENGTH} printable characters`;
  return [problemAt(chunk.source, annotationOffset(chunk, 'id'), message)];
}

/**
 * An entity that is written otherwise than the directory writes it is never the one that is asked about: a forbid would forbid nothing.
 * Of other characters that cannot be told apart Cedar warns.
 */
export function checkEntityIds(parsed: ParsedPolicy): Problem[] {
  return entitiesNamed(parsed.json)
    .filter(({ id }) => id !== id.normalize('NFC'))
    .map((uid) => {
      const message = `policy names ${asciiOf(formatUid(uid))}, wanted an id in Unicode normal form C`;
      return problemAt(parsed.chunk.source, parsed.chunk.start, message, 'no entity has an id such as this');
    });
}

/** What cannot be told apart by eye, told apart. */
function asciiOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}

function checkNoCurfewAction(parsed: ParsedPolicy, folder: PolicyFolder): Problem[] {
  const named = entitiesNamed(parsed.json).find(isCurfewAction);
  if (named === undefined) return [];
  const message = `policy in ${folder}/ names ${formatUid(named)}, which only workflows/ decides`;
  return [problemAt(parsed.chunk.source, offsetOf(parsed, 'Curfew'), message, 'move it to workflows/')];
}

function checkWorkflowHead(parsed: ParsedPolicy): Problem[] {
  const named = actionsNamed(parsed);
  const at = offsetOf(parsed, 'action');
  const problem = (message: string, hint?: string): Problem[] => [
    problemAt(parsed.chunk.source, at, message, hint),
  ];
  const foreign = named.find((action) => !isCurfewAction(action));
  if (foreign !== undefined) {
    const message = `policy in workflows/ names ${formatUid(foreign)}, wanted a Curfew::Action`;
    return problem(message, 'policies about your own actions belong into access/ or guardrails/');
  }
  if (parsed.policy.effect === 'forbid') return [];
  if (named.length === 0) {
    const message = 'permit in workflows/ leaves its action open, wanted its Curfew action in the head';
    return problem(
      message,
      'write `action == Curfew::Action::"request"` or `action in [Curfew::Action::"view", …]`',
    );
  }
  const alone = named.find((action) => action.id === 'request' || action.id === 'approve');
  if (alone === undefined || named.length === 1) return [];
  const message = `permit for ${formatUid(alone)} names ${named.length} actions, wanted that one alone`;
  return problem(message, `write \`action == ${formatUid(alone)}\` and another policy for the rest`);
}

/** The first token of that text after the annotations, or the policy. */
function offsetOf(parsed: ParsedPolicy, text: string): number {
  const { tokens, start } = parsed.chunk;
  const head = tokens.findIndex(
    (token, i) => token.text === parsed.policy.effect && tokens[i - 1]?.text !== '@',
  );
  return (
    tokens.find((token, i) => i >= head && token.kind === 'identifier' && token.text === text)?.start ?? start
  );
}
