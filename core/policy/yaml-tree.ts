import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { isInt64 } from '../access/entity-json.ts';
import type { Problem } from './problem.ts';
import { problemAt, type SourceText, sourceText } from './source-text.ts';

/** YAML with the offset of each value; integers are bigint, there are no doubles. */
export type YamlTree =
  | { readonly kind: 'map'; readonly offset: number; readonly entries: ReadonlyMap<string, YamlTree> }
  | { readonly kind: 'list'; readonly offset: number; readonly items: readonly YamlTree[] }
  | { readonly kind: 'scalar'; readonly offset: number; readonly value: string | bigint | boolean | null };

/** Something that a YAML text may not say, at an offset of it. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(offset: number, message: string, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

const MAX_DEPTH = 32;

/** Parses one YAML document; either its tree or what is wrong with it. */
export function parseYaml(
  file: string,
  text: string,
): { readonly source: SourceText; readonly tree?: YamlTree; readonly problems: readonly Problem[] } {
  const source = sourceText(file, text);
  const document = parseDocument(text, {
    intAsBigInt: true,
    lineCounter: new LineCounter(),
    prettyErrors: false,
  });
  const problems = [...document.errors, ...document.warnings].map((error) =>
    problemAt(source, error.pos[0], `not YAML: ${error.message}`),
  );
  if (problems.length > 0) return { source, problems };
  try {
    return { source, tree: toTree(document.contents, 0), problems };
  } catch (error) {
    return { source, problems: [yamlProblem(source, error)] };
  }
}

/** The problem that a `YamlError` is. @throws whatever else the error is */
export function yamlProblem(source: SourceText, error: unknown): Problem {
  if (!(error instanceof YamlError)) throw error;
  return problemAt(source, error.offset, error.message, error.hint);
}

/** A tree for messages: scalars as they are, of the rest the kind. */
export function describeTree(tree: YamlTree): string {
  if (tree.kind === 'map') return 'a map';
  if (tree.kind === 'list') return 'a list';
  return typeof tree.value === 'string'
    ? JSON.stringify(tree.value.slice(0, 80))
    : String(tree.value ?? 'nothing');
}

function toTree(node: Node | null, depth: number): YamlTree {
  const offset = node?.range?.[0] ?? 0;
  if (depth > MAX_DEPTH) throw new YamlError(offset, `nested deeper than ${MAX_DEPTH}`);
  if (node === null) return { kind: 'scalar', offset, value: null };
  if (isAlias(node)) throw new YamlError(offset, `alias *${node.source}, wanted the value written out`);
  if (isSeq<Node>(node))
    return { kind: 'list', offset, items: node.items.map((item) => toTree(item, depth + 1)) };
  if (isMap<Node, Node | null>(node)) {
    const entries = new Map<string, YamlTree>();
    for (const { key, value } of node.items) {
      if (!isScalar(key) || typeof key.value !== 'string')
        throw new YamlError(key.range?.[0] ?? offset, 'a key that is no text, wanted names as keys');
      const tree = toTree(value, depth + 1);
      entries.set(key.value, value === null ? { ...tree, offset: key.range?.[0] ?? offset } : tree);
    }
    return { kind: 'map', offset, entries };
  }
  return { kind: 'scalar', offset, value: scalarValue(isScalar(node) ? node.value : undefined, offset) };
}

function scalarValue(value: unknown, offset: number): string | bigint | boolean | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint' && isInt64(value)) return value;
  const seen =
    typeof value === 'bigint' || typeof value === 'number' ? `number ${value}` : 'a value that is none';
  throw new YamlError(
    offset,
    `${seen}, wanted an integer from -2^63 to 2^63-1`,
    'decimals are strings: "1.5"',
  );
}
