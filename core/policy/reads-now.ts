import type { PolicySet, PolicySource } from './policy-set.ts';
import { tokenize } from './tokens.ts';
import { type Kind, policiesAbout } from './policies-about.ts';

const known = new WeakMap<PolicySource, boolean>();

/**
 * Whether a policy that could apply to questions of this kind may read `context.now`, so that time alone could change the answer at
 * any instant. True when in doubt.
 */
export function mayReadNow(policies: PolicySet, kind: Kind): boolean {
  return kind.action.context.has('now') && policiesAbout(policies, kind).some(readsNow);
}

function readsNow(policy: PolicySource): boolean {
  const found = known.get(policy) ?? namesNow(policy.text);
  known.set(policy, found);
  return found;
}

/** By its words: `now` or `"now"`, a string with an escape (which could spell it), or the context as a whole. */
function namesNow(text: string): boolean {
  const tokens = tokenize(text);
  return tokens.some((token, index) => {
    if (token.kind === 'string') return token.text === '"now"' || token.text.includes('\\');
    if (token.kind !== 'identifier') return false;
    if (token.text === 'now') return true;
    return token.text === 'context' && !['.', '[', 'has'].includes(tokens[index + 1]?.text ?? '');
  });
}
