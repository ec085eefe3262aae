import { type Expression, parseSync, type PrivateIdentifier, Visitor } from 'oxc-parser';

export interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** `object.name(first)`, or `object.name` when it is not called. */
export interface Use {
  readonly object: string;
  readonly name: string;
  /** The first argument; undefined when there is none or nothing is called. */
  readonly argument: 'literal' | 'text with expressions' | 'expression' | undefined;
  readonly line: number;
}

export interface SourceFacts {
  readonly imports: readonly Import[];
  /** Local name by `package#name`. */
  readonly locals: ReadonlyMap<string, string>;
  readonly uses: readonly Use[];
  /** Where `new Date()` reads the clock. */
  readonly clockLines: readonly number[];
  /** Where `as` or `!` overrides the compiler, with no comment on its lines or the one above. */
  readonly unexplainedLines: readonly number[];
}

/** @throws Error when the text is not TypeScript */
export function readFacts({ path, text }: SourceFile): SourceFacts {
  const { program, errors, module, comments } = parseSync(path, text);
  if (errors.length > 0)
    throw new Error(`${path} does not parse: ${errors.map((it) => it.message).join('; ')}`);
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const imports: Import[] = [];
  const note = (source: { readonly value: unknown; readonly start: number } | null): void => {
    if (typeof source?.value === 'string') {
      imports.push({ specifier: source.value, line: lineOf(source.start) });
    }
  };
  const called = new Map<number, Use['argument']>();
  const uses: Use[] = [];
  const clockLines: number[] = [];
  const commentLines = new Set(comments.map((comment) => lineOf(comment.end)));
  const unexplainedLines: number[] = [];
  const wantReason = ({ start, end }: { readonly start: number; readonly end: number }): void => {
    const [first, last] = [lineOf(start), lineOf(end)];
    for (let line = first - 1; line <= last; line += 1) if (commentLines.has(line)) return;
    unexplainedLines.push(last);
  };
  new Visitor({
    ImportDeclaration: (node) => note(node.source),
    ExportNamedDeclaration: (node) => note(node.source),
    ExportAllDeclaration: (node) => note(node.source),
    TSImportType: (node) => note(node.source),
    ImportExpression: ({ source }) => note(source.type === 'Literal' ? source : null),
    TSNonNullExpression: wantReason,
    TSAsExpression: (node) => {
      if (text.slice(node.typeAnnotation.start, node.typeAnnotation.end) !== 'const') wantReason(node);
    },
    NewExpression: ({ callee, arguments: given, start }) => {
      if (nameOf(callee) === 'Date' && given.length === 0) clockLines.push(lineOf(start));
    },
    CallExpression: ({ callee, arguments: [first] }) => {
      if (nameOf(callee) === 'require' && first?.type === 'Literal') note(first);
      called.set(callee.end, kindOf(first));
    },
    MemberExpression: ({ object, property, start, end }) => {
      uses.push({
        object: nameOf(object),
        name: nameOf(property),
        argument: called.get(end),
        line: lineOf(start),
      });
    },
  }).visit(program);
  const locals = new Map(
    module.staticImports.flatMap(({ moduleRequest, entries }) =>
      entries.map(
        (entry) => [`${moduleRequest.value}#${entry.importName.name ?? ''}`, entry.localName.value] as const,
      ),
    ),
  );
  return { imports, locals, uses, clockLines, unexplainedLines };
}

function nameOf(node: Expression | PrivateIdentifier | { readonly type: 'Super' }): string {
  if (node.type === 'MemberExpression') return nameOf(node.property);
  return node.type === 'Identifier' ? node.name : '';
}

function kindOf(node: { readonly type: string } | undefined): Use['argument'] {
  if (node === undefined) return undefined;
  if (node.type === 'Literal' || node.type === 'UnaryExpression') return 'literal';
  if (node.type !== 'TemplateLiteral') return 'expression';
  return 'expressions' in node && Array.isArray(node.expressions) && node.expressions.length > 0
    ? 'text with expressions'
    : 'literal';
}
