import { globSync, readFileSync } from 'node:fs';
import { type Expression, parseSync, type PrivateIdentifier, Visitor } from 'oxc-parser';

/** A title that begins with the id of a threat or an invariant. */
export interface TitleWithId {
  readonly id: string;
  readonly title: string;
  /** Relative to the repository. */
  readonly file: string;
}

const ID = /^([WDLNHPCI]\d{1,2}) \S/;

/** Every title of a test, or of a group of tests, that begins with an id. */
export function titlesWithIds(): readonly TitleWithId[] {
  return globSync('test/**/*.test.ts')
    .toSorted()
    .flatMap((file) =>
      titlesOf(file, readFileSync(file, 'utf8')).flatMap((title) => {
        const id = ID.exec(title)?.[1];
        return id === undefined ? [] : [{ id, title, file: file.replaceAll('\\', '/') }];
      }),
    );
}

function titlesOf(file: string, source: string): readonly string[] {
  const titles: string[] = [];
  new Visitor({
    CallExpression: ({ callee, arguments: [first] }) => {
      if (!isTest(callee)) return;
      if (first?.type === 'Literal' && typeof first.value === 'string') titles.push(first.value);
      if (first?.type === 'TemplateLiteral') titles.push(first.quasis[0]?.value.raw ?? '');
    },
  }).visit(parseSync(file, source).program);
  return titles;
}

/** Whether it is `test(…)`, `test.each(…)(…)` or their like. */
function isTest(callee: Expression | PrivateIdentifier | { readonly type: 'Super' }): boolean {
  if (callee.type === 'Identifier') return ['test', 'it', 'describe'].includes(callee.name);
  if (callee.type === 'MemberExpression') return isTest(callee.object);
  return callee.type === 'CallExpression' && isTest(callee.callee);
}
