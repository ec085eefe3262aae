import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Entity, formatUid } from '../access/entity.ts';
import { checkEntity, fitEntity } from './check-question.ts';
import type { Examination } from './examine.ts';
import type { ExaminationStep } from './examiner.ts';
import { type PolicyFiles, SCHEMA_FILE } from './files.ts';
import type { PolicySet } from './policy-set.ts';
import type { Problem } from './problem.ts';
import type { AskedBefore } from './self-check/recent-questions.ts';
import { problemAt, sourceText } from './source-text.ts';

/** Either a set that passed every check, or everything that is wrong with it, by file and place. */
export type LoadResult =
  | { readonly ok: true; readonly policies: PolicySet }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** Nothing is wrong with the files, but the index would decide otherwise than all policies do (`selfCheck`). */
      readonly differs?: true;
    };

export interface LoadOptions {
  /** The directory: checked against the schema when given. */
  readonly entities?: readonly Entity[];
  /** How problems of the directory name it (default `directory.json`). */
  readonly entitiesFile?: string;
  /** How long the examination may take altogether (default 60 s). */
  readonly timeoutMs?: number;
  /**
   * The set passed an examination before it was put in force: it is parsed, in a worker all the same, but neither validated
   * nor probed again, which is most of the work.
   */
  readonly wasExamined?: boolean;
  /** What this process was asked before, which the self-check asks again. */
  readonly askedBefore?: readonly AskedBefore[];
}

/** What the worker thread is given. */
export interface WorkerTask {
  readonly files: PolicyFiles;
  readonly skip: readonly ExaminationStep[];
  readonly wasExamined: boolean;
  readonly askedBefore: readonly AskedBefore[];
}

/** What the worker thread says. */
export type WorkerMessage =
  | { readonly kind: 'step'; readonly step: ExaminationStep }
  | { readonly kind: 'checks-itself' }
  | WorkerResult;

type WorkerResult =
  | { readonly kind: 'result'; readonly result: Examination }
  | { readonly kind: 'differs'; readonly problems: readonly Problem[] };

/** Where a worker thread is: at something that Cedar is given, or at the self-check of a set that is good. */
type Place = ExaminationStep | 'self-check';

/** How one worker thread ended: with a result, or while it was somewhere. */
type WorkerEnd = WorkerResult | { readonly kind: 'died'; readonly at: Place; readonly reason: string };

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_WORKERS = 5;
/** A policy may not take more than a share of the time, or one would hide what is wrong with the others. */
const WORKER_SHARE = 2;
const MAX_HEAP_MB = 256;
const MAX_DIRECTORY_PROBLEMS = 50;

/**
 * Parses, validates and probes a policy folder in a worker thread of its own, so that a policy that kills Cedar kills
 * nothing else. Never throws for what is in the files.
 */
export async function loadPolicies(files: PolicyFiles, options: LoadOptions = {}): Promise<LoadResult> {
  const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const problems: Problem[] = [];
  const skip: ExaminationStep[] = [];
  const { wasExamined = false, askedBefore = [] } = options;
  for (let attempt = 1; attempt <= MAX_WORKERS; attempt++) {
    const leftMs = deadline - performance.now();
    const shareMs = attempt === MAX_WORKERS ? leftMs : leftMs / WORKER_SHARE;
    const end = await runWorker({ files, skip, wasExamined, askedBefore }, shareMs);
    if (end.kind === 'result') return conclude(end.result, problems, options);
    if (end.kind === 'differs') return { ok: false, problems: end.problems, differs: true };
    if (end.at === 'self-check') return { ok: false, problems: [unchecked(end.reason)], differs: true };
    problems.push(deathProblem(files, end.at, end.reason));
    if (end.at.file === SCHEMA_FILE) break; // without a schema nothing else can be examined
    skip.push(end.at);
  }
  return { ok: false, problems };
}

async function runWorker(task: WorkerTask, timeoutMs: number): Promise<WorkerEnd> {
  // Beside this file it is TypeScript or JavaScript as this one is.
  const worker = new Worker(new URL(`./load-worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    execArgv: [], // not the inspector's port nor the preloads of the process
  });
  let at: Place = { file: SCHEMA_FILE, line: 1, column: 1 };
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<WorkerEnd>((resolve) => {
      const die = (reason: string): void => resolve({ kind: 'died', at, reason });
      timer = setTimeout(() => die(`takes longer than ${Math.round(timeoutMs)} ms`), Math.max(1, timeoutMs));
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'step') at = message.step;
        else if (message.kind === 'checks-itself') at = 'self-check';
        else resolve(message);
      });
      worker.on('error', (error) => die(`ends the examination: ${error.message}`));
      worker.on('exit', (code) => die(`ends the examination: exit code ${code}`));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function deathProblem(files: PolicyFiles, at: ExaminationStep, reason: string): Problem {
  const what = at.file === SCHEMA_FILE ? 'schema' : 'policy';
  const source = sourceText(at.file, files.get(at.file) ?? '');
  const offset = (source.lineStarts[at.line - 1] ?? 0) + at.column - 1;
  const hint = what === 'schema' ? 'flatten its types' : 'split it into simpler policies';
  return problemAt(source, offset, `${what} ${reason}`, hint);
}

/** A set that cannot be checked is not used: it may be one of those that the check is for. */
function unchecked(reason: string): Problem {
  const message = `self-check: ${reason}, wanted an end of it`;
  const hint = 'give the machine more time and memory, or split the set into fewer or simpler policies';
  return { file: SCHEMA_FILE, line: 1, column: 1, message, hint };
}

function conclude(result: Examination, earlier: readonly Problem[], options: LoadOptions): LoadResult {
  if (!result.ok) return { ok: false, problems: [...earlier, ...result.problems] };
  const problems = [...earlier, ...directoryProblems(result.policies, options)];
  return problems.length === 0 ? { ok: true, policies: result.policies } : { ok: false, problems };
}

function directoryProblems(policies: PolicySet, options: LoadOptions): Problem[] {
  const file = options.entitiesFile ?? 'directory.json';
  const problems: Problem[] = [];
  for (const entity of options.entities ?? []) {
    if (problems.length >= MAX_DIRECTORY_PROBLEMS) break;
    for (const { path, seen, wanted } of checkEntity(policies.schema, fitEntity(policies.schema, entity)))
      problems.push({
        file,
        line: 1,
        column: 1,
        message: `${formatUid(entity.uid)}: ${path} is ${seen}, wanted ${wanted}`,
      });
  }
  return problems;
}
