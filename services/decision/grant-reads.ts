import type { PolicySet, PolicySource } from '../../core/policy/policy-set.ts';
import { type Token, tokenize } from '../../core/policy/tokens.ts';
import { type Kind, policiesAbout } from '../../core/policy/policies-about.ts';

/** Which fields of `context.grant` policies read; `all` when in doubt. */
export type GrantReads = 'all' | ReadonlySet<string>;

const known = new WeakMap<PolicySet, Map<string, GrantReads>>();

/**
 * What policies that could apply to questions of this kind read of `context.grant` beyond its presence. Grants that are the same in
 * all of it are the same to them.
 */
export function grantReads(policies: PolicySet, kind: Kind): GrantReads {
  const { phase, action, principalType, resourceType } = kind;
  const found = known.get(policies) ?? new Map<string, GrantReads>();
  known.set(policies, found);
  const key = JSON.stringify([phase, action.uid.type, action.uid.id, principalType, resourceType]);
  const reads = found.get(key) ?? joined(policiesAbout(policies, kind));
  found.set(key, reads);
  return reads;
}

function joined(policies: readonly PolicySource[]): GrantReads {
  const fields = new Set<string>();
  for (const { text } of policies) {
    const reads = readsOf(text);
    if (reads === 'all') return 'all';
    for (const field of reads) fields.add(field);
  }
  return fields;
}

/**
 * By its words: only `context has grant`, `context has grant.field`, `context.grant.field` and `context.grant has field` are
 * understood. A string that is or could spell `grant`, and the context or the grant as a whole, are all that there is.
 */
function readsOf(text: string): GrantReads {
  const tokens = tokenize(text);
  const fields = new Set<string>();
  for (const [index, token] of tokens.entries()) {
    const isContext = token.kind === 'identifier' && token.text === 'context';
    const isWhole = isContext && !['.', '[', 'has'].includes(tokens[index + 1]?.text ?? '');
    const mayName = token.kind === 'string' && (token.text === '"grant"' || token.text.includes('\\'));
    if (isWhole || mayName) return 'all';
    if (token.kind !== 'identifier' || token.text !== 'grant') continue;
    const field = fieldRead(tokens, index);
    if (field === undefined) return 'all';
    if (field !== '') fields.add(field);
  }
  return fields;
}

/** The field that is read of the grant at the index; empty when only its presence is, undefined when that cannot be told. */
function fieldRead(tokens: readonly Token[], index: number): string | undefined {
  const [variable, how] = tokens.slice(Math.max(index - 2, 0), index).map((token) => token.text);
  const [next, field] = tokens.slice(index + 1, index + 3);
  // Of `record.context.grant` the variable would be a field: then too much is taken for read, never too little.
  if (variable !== 'context' || (how !== '.' && how !== 'has')) return undefined;
  const isField = field?.kind === 'identifier';
  if (next?.text === '.') return isField ? field.text : undefined;
  if (how === 'has') return '';
  return next?.text === 'has' && isField ? field.text : undefined;
}
