/** One thing that is wrong with a file, at a place that an editor can jump to. */
export interface Problem {
  /** Path relative to the policy folder, with forward slashes. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
  /** Lower case: what was seen and what was wanted. */
  readonly message: string;
  /** What to do next. */
  readonly hint?: string;
  /** The source line, tabs as they are. */
  readonly excerpt?: string;
}

/** Characters of a source line that are shown. */
const SHOWN = 120;

/** The problem for people: `file:line:column: message`, the source line with a caret, the hint. */
export function formatProblem(problem: Problem): string {
  const lines = [`${problem.file}:${problem.line}:${problem.column}: ${problem.message}`];
  if (problem.excerpt !== undefined && problem.excerpt.trim() !== '')
    lines.push(...underlined(problem.excerpt, problem.column));
  if (problem.hint !== undefined) lines.push(`  hint: ${problem.hint}`);
  return lines.join('\n');
}

/** The part of the line around the column, and a caret below it. */
function underlined(line: string, column: number): string[] {
  const characters = Array.from(line);
  const from = Math.max(0, Math.min(column - SHOWN / 2, characters.length - SHOWN));
  const shown = characters.slice(from, from + SHOWN);
  const indent = shown.slice(0, column - 1 - from).map((character) => (character === '\t' ? '\t' : ' '));
  const [before, after] = [from > 0 ? '…' : '', from + SHOWN < characters.length ? '…' : ''];
  return [`    ${before}${shown.join('')}${after}`, `    ${before && ' '}${indent.join('')}^`];
}
