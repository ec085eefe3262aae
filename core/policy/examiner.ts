import { type CedarInstance, isTrap, newCedarInstance } from './cedar-instance.ts';
import type { Problem } from './problem.ts';
import { placeOf, problemAt } from './source-text.ts';
import type { PolicyChunk } from './split.ts';

/** Where the examination is, so that its end can be laid at the right place should it die there. */
export interface ExaminationStep {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ExaminationOptions {
  /** Called before each thing that Cedar is given. */
  readonly onStep?: (step: ExaminationStep) => void;
  /** Policies that ended an examination before: not given to Cedar again. */
  readonly skip?: readonly ExaminationStep[];
  /** Whether the set passed an examination before: it is parsed, and neither validated nor probed again. */
  readonly wasExamined?: boolean;
  /** What it begins with; an instance of its own unless given. */
  readonly cedar?: CedarInstance;
}

/** The examination's state: what Cedar runs in and what was found. */
export interface Examiner {
  cedar: CedarInstance;
  readonly problems: Problem[];
  readonly options: ExaminationOptions;
}

/**
 * Runs something that Cedar may die of; a trap is a problem of the policy, and a fresh instance goes on. Undefined when it
 * died or was skipped.
 */
export function guarded<T>(examiner: Examiner, chunk: PolicyChunk, run: () => T): T | undefined {
  const { line, column } = placeOf(chunk.source, chunk.start);
  const step = { file: chunk.source.file, line, column };
  if (
    examiner.options.skip?.some((it) => it.file === step.file && it.line === line && it.column === column) ===
    true
  )
    return undefined;
  examiner.options.onStep?.(step);
  try {
    return run();
  } catch (error) {
    examiner.cedar = newCedarInstance();
    const message = isTrap(error)
      ? 'policy makes Cedar run out of memory or stack'
      : `Cedar refuses the policy: ${String(error)}`;
    examiner.problems.push(problemAt(chunk.source, chunk.start, message, 'split it into simpler policies'));
    return undefined;
  }
}
