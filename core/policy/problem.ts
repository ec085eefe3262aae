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

/** The problem for people: `file:line:column: message`, the source line with a caret, the hint. */
export function formatProblem(problem: Problem): string {
  const lines = [`${problem.file}:${problem.line}:${problem.column}: ${problem.message}`];
  if (problem.excerpt !== undefined && problem.excerpt.trim() !== '') {
    const indent = Array.from(problem.excerpt)
      .slice(0, problem.column - 1)
      .map((char) => (char === '\t' ? '\t' : ' '));
    lines.push(`    ${problem.excerpt}`, `    ${indent.join('')}^`);
  }
  if (problem.hint !== undefined) lines.push(`  hint: ${problem.hint}`);
  return lines.join('\n');
}
