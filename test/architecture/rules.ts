import { posix } from 'node:path';
import { findWrongImports } from './import-table.ts';
import { readFacts, type SourceFacts, type SourceFile, type Use } from './source-facts.ts';

const MOST_LINES = 300;
const DRAWERS = /^(utils?|helpers?|commons?|types?|libs?|misc|index)$/;

/** Everything that breaks a rule of the layout, as `path:line: why`. */
export function findProblems(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const facts = readFacts(file);
    return [
      ...findBadNames(file),
      ...findLongFile(file),
      ...findWrongImports(file, facts),
      ...findClockReads(file, facts),
      ...findUnexplained(file, facts),
      ...findStringBuiltSql(file, facts),
    ];
  });
}

/** The SDK's door is the one index. */
function findBadNames({ path }: SourceFile): readonly string[] {
  if (path === 'clients/sdk/index.ts') return [];
  const names = path.split('/').map((part) => posix.basename(part).split('.')[0] ?? '');
  const drawer = names.find((name) => DRAWERS.test(name));
  if (drawer !== undefined) return [`${path}:1: "${drawer}" says nothing about what is inside`];
  const file = names.at(-1) ?? '';
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(file) ? [] : [`${path}:1: a file's name is kebab-case`];
}

function findLongFile({ path, text }: SourceFile): readonly string[] {
  const lines = text.trimEnd().split('\n').length;
  return lines <= MOST_LINES ? [] : [`${path}:${lines}: ${lines} lines, at most ${MOST_LINES} are wanted`];
}

/** Time is an argument of the domain. */
function findClockReads({ path }: SourceFile, { uses, clockLines }: SourceFacts): readonly string[] {
  if (!/^core\/(access|policy)\//.test(path)) return [];
  const calls = uses
    .filter(({ object, name }) => object === 'Date' && name === 'now')
    .map(({ line }) => line);
  return [...clockLines, ...calls].map(
    (line) => `${path}:${line}: reads the clock; take "now" as an argument`,
  );
}

function findUnexplained({ path }: SourceFile, { unexplainedLines }: SourceFacts): readonly string[] {
  if (path.startsWith('test/')) return [];
  return unexplainedLines.map(
    (line) => `${path}:${line}: "as" and "!" owe a reason in a comment on the line`,
  );
}

/** Where SQL text may be made: from migration files, and by Postgres's own format(). */
const RAW_QUERIES = ['core/store/migrate.ts'];

/** SQL text comes from the source alone: whatever else is in it is a parameter. */
function findStringBuiltSql({ path }: SourceFile, { uses, locals }: SourceFacts): readonly string[] {
  if (path.startsWith('test/')) return [];
  const sql = ['sql', locals.get('kysely#sql')];
  const compiled = ['CompiledQuery', locals.get('kysely#CompiledQuery')];
  const isBad = ({ object, name, argument }: Use): boolean =>
    ((name === 'raw' || name === 'lit') && sql.includes(object)) ||
    (name === 'raw' && compiled.includes(object) && !RAW_QUERIES.includes(path)) ||
    (name === 'query' && argument === 'text with expressions') ||
    // Kysely writes the keys of a JSON path into the text.
    (path.startsWith('core/store/') && (name === 'key' || name === 'at') && argument === 'expression');
  return uses
    .filter(isBad)
    .map((use) => `${path}:${use.line}: SQL built from text by ${use.object}.${use.name}`);
}
