import { type Token, tokenize } from './tokens.ts';

export type DeclarationKind = 'entity' | 'type' | 'action';

/** Where things are declared in a schema's text, which Cedar's JSON form does not say. */
export interface SchemaPlaces {
  /** The offset of a declaration (full name), or of the last of `names` that is found, each looked for after the one before. */
  find(kind: DeclarationKind, fullName: string, ...names: readonly string[]): number;
  /** The offset of a `namespace` declaration. */
  findNamespace(name: string): number | undefined;
}

interface Declaration {
  readonly kind: DeclarationKind;
  readonly fullName: string;
  /** Index of the name and of the `;` among the tokens. */
  readonly from: number;
  readonly to: number;
}

/** Finds declarations of a schema that Cedar accepted. */
export function schemaPlaces(text: string): SchemaPlaces {
  const tokens = tokenize(text);
  const namespaces = new Map<string, number>();
  const declarations: Declaration[] = [];
  let namespace = '';
  for (let index = 0; index < tokens.length; index++) {
    const word = tokens[index]?.text;
    if (word === '@') {
      index = skipAnnotation(tokens, index);
    } else if (word === '}') {
      namespace = '';
    } else if (word === 'namespace') {
      const open = indexOf(tokens, '{', index);
      namespace = tokens
        .slice(index + 1, open)
        .map((token) => token.text)
        .join('');
      namespaces.set(namespace, tokens[index]?.start ?? 0);
      index = open;
    } else if (word === 'entity' || word === 'type' || word === 'action') {
      const to = indexOf(tokens, ';', index);
      declarations.push(...declared(tokens, { kind: word, namespace, from: index + 1, to }));
      index = to;
    }
  }
  return {
    find: (...key) => find(tokens, declarations, ...key),
    findNamespace: (name) => namespaces.get(name),
  };
}

/** The names of one declaration: `action a, "b" in …` has two. */
function declared(
  tokens: readonly Token[],
  at: {
    readonly kind: DeclarationKind;
    readonly namespace: string;
    readonly from: number;
    readonly to: number;
  },
): Declaration[] {
  const found: Declaration[] = [];
  for (let index = at.from; index < at.to; index += 2) {
    const name = unquote(tokens[index]);
    const owner = at.kind === 'action' ? qualify(at.namespace, 'Action') : at.namespace;
    found.push({ kind: at.kind, fullName: qualify(owner, name), from: index, to: at.to });
    if (tokens[index + 1]?.text !== ',') break;
  }
  return found;
}

function find(
  tokens: readonly Token[],
  declarations: readonly Declaration[],
  kind: DeclarationKind,
  fullName: string,
  ...names: readonly string[]
): number {
  const declaration = declarations.find((it) => it.kind === kind && it.fullName === fullName);
  if (declaration === undefined) return 0;
  let index = declaration.from;
  for (const name of names) {
    let next = index + 1;
    while (next < declaration.to && unquote(tokens[next]) !== name) next++;
    if (next >= declaration.to) break;
    index = next;
  }
  return tokens[index]?.start ?? 0;
}

function skipAnnotation(tokens: readonly Token[], at: number): number {
  return tokens[at + 2]?.text === '(' ? indexOf(tokens, ')', at) : at + 1;
}

function indexOf(tokens: readonly Token[], text: string, from: number): number {
  let index = from;
  while (index < tokens.length && tokens[index]?.text !== text) index++;
  return index;
}

function unquote(token: Token | undefined): string {
  if (token?.kind !== 'string') return token?.text ?? '';
  return token.text.slice(1, -1);
}

function qualify(owner: string, name: string): string {
  return owner === '' ? name : `${owner}::${name}`;
}
