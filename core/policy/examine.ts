import type { Workflow } from '../access/workflow.ts';
import { candidateSources } from './candidates.ts';
import { newCedarInstance } from './cedar-instance.ts';
import { suggest } from './closest.ts';
import { digestOf, type PolicyFiles, SCHEMA_FILE } from './files.ts';
import { attributesRead, entityPaths } from './entity-paths.ts';
import { type ExaminationOptions, type Examiner, guarded } from './examiner.ts';
import { type ParsedPolicy, parsePolicy } from './parse-policy.ts';
import {
  checkEntityIds,
  checkHead,
  checkId,
  checkUniqueIds,
  folderOf,
  permitsOnly,
  type PolicyFolder,
  phaseOf,
} from './policy-rules.ts';
import type { Approval, PolicySet } from './policy-set.ts';
import { probe } from './probe.ts';
import type { Problem } from './problem.ts';
import { readSchema } from './read-schema.ts';
import { problemAt, sourceText } from './source-text.ts';
import { checkSize, type PolicyChunk, splitPolicies } from './split.ts';
import { validatePolicies } from './validate.ts';
import { checkOtherAnnotations, checkStepsFilled, readStep, readWorkflow } from './workflow-annotations.ts';

export type Examination =
  | { readonly ok: true; readonly policies: PolicySet }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A policy that Cedar can read, in its folder. */
interface PlacedPolicy extends ParsedPolicy {
  readonly folder: PolicyFolder;
}

/**
 * Parses, validates and probes a set of files and says everything that is wrong with it. Cedar may die of it, or never
 * return: run it in a thread that may end (`loadPolicies` does).
 */
export function examine(files: PolicyFiles, options: ExaminationOptions = {}): Examination {
  const examiner: Examiner = { cedar: options.cedar ?? newCedarInstance(), problems: [], options };
  const { problems } = examiner;
  problems.push(...checkPaths(files));
  const schema = readSchema(examiner, files.get(SCHEMA_FILE));
  const placed = [...files.keys()]
    .toSorted()
    .flatMap((file) => readFile(examiner, file, files.get(file) ?? ''));
  const misplaced = placed.filter((it) => !checkPlaced(it, problems));
  problems.push(...checkUniqueIds(placed));
  const lifecycle = readLifecycle(placed, problems);
  if (schema !== undefined && options.wasExamined !== true) {
    // a policy in the wrong folder is not valid for its actions either: one problem is enough
    validatePolicies(
      examiner,
      schema,
      placed.filter((it) => !misplaced.includes(it)),
    );
    problems.push(...placed.flatMap(checkEntityIds));
    for (const it of placed) guarded(examiner, it.chunk, () => probe(examiner.cedar, schema.shape, it));
  }
  if (problems.length > 0 || schema === undefined) return { ok: false, problems: inOrder(problems) };
  const ofPhase = (phase: 'access' | 'workflows'): PlacedPolicy[] =>
    placed.filter((it) => phaseOf(it.folder) === phase);
  const [access, workflows] = [ofPhase('access'), ofPhase('workflows')];
  const json = { access: access.map((it) => it.json), workflows: workflows.map((it) => it.json) };
  const policies: PolicySet = {
    digest: digestOf(files),
    schema: schema.shape,
    access: access.map((it) => it.policy),
    workflows: workflows.map((it) => it.policy),
    ...lifecycle,
    entityPaths: { access: entityPaths(json.access), workflows: entityPaths(json.workflows) },
    attributesRead: { access: attributesRead(json.access), workflows: attributesRead(json.workflows) },
  };
  return { ok: true, policies };
}

/** A misplaced or misnamed file would be left out silently: a guardrail that is not there forbids nothing. */
function checkPaths(files: PolicyFiles): Problem[] {
  return [...files.keys()].flatMap((file) => {
    if (file === SCHEMA_FILE || folderOf(file) !== undefined) return [];
    const [folder = '', name] = file.split('/');
    const hint = name === undefined ? undefined : suggest(folder, ['access', 'guardrails', 'workflows']);
    const message = `file is in none of the folders access/, guardrails/, workflows/, wanted it there and named *.cedar`;
    return [problemAt(sourceText(file, ''), 0, message, hint)];
  });
}

/** Notes what is wrong with one policy; says whether its head may stand in its folder. */
function checkPlaced(placed: PlacedPolicy, problems: Problem[]): boolean {
  const wrong = checkHead(placed, placed.folder);
  problems.push(...checkId(placed), ...wrong);
  return wrong.length === 0;
}

function readFile(examiner: Examiner, file: string, text: string): PlacedPolicy[] {
  const folder = folderOf(file);
  if (folder === undefined) return [];
  const chunks = splitPolicies(sourceText(file, text));
  const placed = readChunks(examiner, folder, chunks);
  if (placed.length === chunks.length) checkNoneHidden(examiner, file, text, chunks);
  return placed;
}

/** Cedar reads the file as a whole, too: a policy that only one of us sees would be a guardrail that is not there. */
function checkNoneHidden(
  examiner: Examiner,
  file: string,
  text: string,
  chunks: readonly PolicyChunk[],
): void {
  const [first] = chunks;
  const source = first?.source ?? sourceText(file, text);
  const count = (): number | undefined => {
    const parts = examiner.cedar.policySetTextToParts(text);
    return parts.type === 'success' ? parts.policies.length + parts.policy_templates.length : undefined;
  };
  const seen = first === undefined ? count() : guarded(examiner, first, count);
  if (seen === chunks.length) return;
  const message = `Cedar reads ${seen ?? 'no'} policies here, and ${chunks.length} were found, wanted the same`;
  examiner.problems.push(problemAt(source, 0, message, 'look for unusual line breaks or comments'));
}

function readChunks(
  examiner: Examiner,
  folder: PolicyFolder,
  chunks: readonly PolicyChunk[],
): PlacedPolicy[] {
  return chunks.flatMap((chunk) => {
    const tooLarge = checkSize(chunk);
    if (tooLarge !== undefined) {
      examiner.problems.push(tooLarge);
      return [];
    }
    const parsed = guarded(examiner, chunk, () => parsePolicy(examiner.cedar, chunk));
    if (parsed === undefined) return [];
    if ('policy' in parsed) return [{ ...parsed, folder }];
    examiner.problems.push(...parsed);
    return [];
  });
}

function readLifecycle(
  placed: readonly PlacedPolicy[],
  problems: Problem[],
): { readonly requestWorkflows: readonly Workflow[]; readonly approvals: readonly Approval[] } {
  const requests: { parsed: ParsedPolicy; workflow: Workflow }[] = [];
  const approvals: Approval[] = [];
  for (const parsed of placed) {
    if (parsed.folder === 'workflows' && permitsOnly(parsed, 'request')) {
      const workflow = readWorkflow(parsed, problems);
      if (workflow !== undefined) requests.push({ parsed, workflow });
    } else if (parsed.folder === 'workflows' && permitsOnly(parsed, 'approve')) {
      const step = readStep(parsed, problems);
      const candidates = candidateSources(parsed.policy, parsed.json);
      if (step !== undefined) approvals.push({ policyId: parsed.policy.id, step, candidates });
    } else {
      problems.push(...checkOtherAnnotations(parsed));
    }
  }
  // which steps are filled is known only when every policy could be read
  const filled = approvals.map((it) => it.step);
  if (!problems.some((it) => it.file.startsWith('workflows/')))
    problems.push(...checkStepsFilled(requests, filled));
  return { requestWorkflows: requests.map((it) => it.workflow), approvals };
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}
