import type { Problem } from './problem.ts';
import { problemAt, type SourceText } from './source-text.ts';
import { type Token, tokenize } from './tokens.ts';

/** One policy of a file, not parsed yet. */
export interface PolicyChunk {
  readonly source: SourceText;
  /** From its first token up to and including its `;`. */
  readonly text: string;
  /** Where the text begins in the file, UTF-16. */
  readonly start: number;
  readonly tokens: readonly Token[];
}

/**
 * Limits of one policy, well inside what kills cedar-wasm 4.13: about 110 nested brackets at parsing, an expression about
 * 370 deep at evaluation (both measured).
 */
export const POLICY_LIMITS = { bytes: 64 * 1024, brackets: 50, chain: 250, depth: 300 } as const;

/** Operators by how tightly they bind, loosest first; `if` and the brackets of calls are counted apart. */
const LEVELS: Readonly<Record<string, number>> = {
  if: 0,
  '||': 1,
  '&&': 2,
  when: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  in: 3,
  has: 3,
  like: 3,
  is: 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '!': 6,
  '.': 7,
};
const LEVEL_COUNT = 8;

/** Cuts a file at each `;`, which Cedar uses for nothing but the end of a policy. Comments and blanks around policies are dropped. */
export function splitPolicies(source: SourceText): PolicyChunk[] {
  const chunks: PolicyChunk[] = [];
  let tokens: Token[] = [];
  const close = (): void => {
    const [first] = tokens;
    const last = tokens.at(-1);
    if (first === undefined || last === undefined) return;
    chunks.push({ source, text: source.text.slice(first.start, last.end), start: first.start, tokens });
    tokens = [];
  };
  for (const token of tokenize(source.text)) {
    tokens.push(token);
    if (token.text === ';') close();
  }
  close();
  return chunks;
}

/** What is too large in a policy for Cedar to be given it. */
export function checkSize(chunk: PolicyChunk): Problem | undefined {
  const bytes = Buffer.byteLength(chunk.text);
  if (bytes > POLICY_LIMITS.bytes) {
    const message = `policy of ${bytes} bytes, wanted at most ${POLICY_LIMITS.bytes}`;
    return problemAt(chunk.source, chunk.start, message, 'split it into several policies');
  }
  return checkDepth(chunk);
}

/** The operators of one bracket: how many of each level in a row now, and at most so far. */
interface Group {
  readonly counts: number[];
  readonly most: number[];
  /** Deepest bracket inside. */
  inner: number;
}

function checkDepth(chunk: PolicyChunk): Problem | undefined {
  const groups: Group[] = [newGroup()];
  const refuse = (token: Token, message: string): Problem =>
    problemAt(chunk.source, token.start, message, 'split it into several policies or use sets');
  for (const [index, token] of chunk.tokens.entries()) {
    const group = groups.at(-1);
    if (group === undefined) break; // more brackets closed than opened: Cedar refuses it
    const operator = token.text === '[' && isIndex(chunk.tokens[index - 1]) ? '.' : token.text;
    if (token.kind !== 'string' && countOperator(group, operator) > POLICY_LIMITS.chain)
      return refuse(token, `more than ${POLICY_LIMITS.chain} operators in one chain`);
    if (token.kind === 'bracket' && '([{'.includes(token.text)) {
      if (groups.length > POLICY_LIMITS.brackets)
        return refuse(token, `brackets nested more than ${POLICY_LIMITS.brackets} deep`);
      groups.push(newGroup());
    } else if (token.kind === 'bracket') {
      groups.pop();
      const parent = groups.at(-1);
      if (parent !== undefined) parent.inner = Math.max(parent.inner, depthOf(group) + 1);
    }
  }
  const [first] = chunk.tokens;
  const depth = groups.reduce((sum, group) => sum + depthOf(group), 0);
  if (first === undefined || depth <= POLICY_LIMITS.depth) return undefined;
  return refuse(first, `expression nested ${depth} deep, wanted at most ${POLICY_LIMITS.depth}`);
}

function newGroup(): Group {
  return { counts: Array<number>(LEVEL_COUNT).fill(0), most: Array<number>(LEVEL_COUNT).fill(0), inner: 0 };
}

/** Whether a `[` after this token reads an attribute (`a["b"]`) and does not begin a set. */
function isIndex(before: Token | undefined): boolean {
  return (
    before !== undefined &&
    (')]}'.includes(before.text) || (before.kind === 'identifier' && !Object.hasOwn(LEVELS, before.text)))
  );
}

/** Notes an operator and says how long its chain is by now; a looser operator ends the chains of tighter ones. */
function countOperator(group: Group, text: string): number {
  const isBreak = text === ',' || text === 'then' || text === 'else' || text === ':';
  const level = isBreak ? 0 : Object.hasOwn(LEVELS, text) ? LEVELS[text] : undefined;
  if (level === undefined) return 0;
  group.counts.fill(0, level + 1);
  if (text === ',') group.counts.fill(0);
  if (isBreak) return 0;
  const count = (group.counts[level] ?? 0) + 1;
  group.counts[level] = count;
  group.most[level] = Math.max(group.most[level] ?? 0, count);
  return count;
}

/** How deep the expression of a bracket can be nested at most. */
function depthOf(group: Group): number {
  return group.most.reduce((sum, count) => sum + count, group.inner);
}
