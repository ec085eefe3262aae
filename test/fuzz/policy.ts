import fc from 'fast-check';
import { createEngine } from '../../core/policy/engine.ts';
import type { PolicyFiles } from '../../core/policy/files.ts';
import { loadPolicies, type LoadResult } from '../../core/policy/load.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { accessQuestion } from '../core/policy/questions.ts';
import { examined, sampleFiles } from '../core/policy/sample.ts';
import { hostileFiles } from './hostile-files.ts';
import { type FuzzOptions, run } from './run.ts';

const GOOD = sampleFiles();
const LOAD_MS = 20_000;

/** Loads until the time is over. @returns whether each was loaded or refused by line, and all was well afterwards */
export async function fuzzPolicy(options: FuzzOptions): Promise<boolean> {
  const seen = { loaded: 0, refused: 0 };
  const held = await run(
    'policy',
    policyProperty((result) => (seen[result.ok ? 'loaded' : 'refused'] += 1)),
    options,
  );
  console.log(`  ${seen.loaded} × loaded, ${seen.refused} × refused`);
  return held;
}

/** Whatever the files are, they are loaded or refused by line, in time, and good policies are answered right afterwards. */
export function policyProperty(
  count: (result: LoadResult) => void = () => undefined,
): fc.IAsyncProperty<[PolicyFiles]> {
  const good = examined(GOOD);
  const engine = createEngine(good);
  return fc.asyncProperty(hostileFiles(GOOD), async (files) => {
    const startedMs = performance.now();
    const result = await loadPolicies(files, { timeoutMs: LOAD_MS });
    count(result);
    if (performance.now() - startedMs > 2 * LOAD_MS) throw new Error(`it took too long\n${shown(files)}`);
    const wrong = result.ok ? answersBadly(result.policies) : badlyRefused(files, result.problems);
    if (wrong !== undefined) throw new Error(`${wrong}\n${shown(files)}`);
    if (!engine.checkCanary() || engine.evaluate('access', askedOf(good)).decision !== 'allow')
      throw new Error(`good policies are answered wrong afterwards\n${shown(files)}`);
  });
}

type Problems = (LoadResult & { ok: false })['problems'];

function badlyRefused(files: PolicyFiles, problems: Problems): string | undefined {
  if (problems.length === 0) return 'refused without saying why';
  const bad = problems.find(({ file, line, column, message }) => {
    const lines = (files.get(file) ?? '').split(/\r\n|[\n\r]/);
    return !(line >= 1 && column >= 1 && line <= lines.length + 1) || message === '';
  });
  return bad === undefined ? undefined : `refused at a place that there is not: ${formatProblem(bad)}`;
}

/** What was let in may decide what it likes, but it must decide, and leave the engine well. */
function answersBadly(policies: PolicySet): string | undefined {
  const engine = createEngine(policies);
  try {
    const raw = engine.evaluateRaw('access', askedOf(policies));
    if (raw.kind === 'failure') return `loaded, and gives no answer: ${raw.message}`;
  } catch (error) {
    // Another schema may not have the words of the question.
    if (!String(error).includes('no action')) return `loaded, and throws: ${String(error)}`;
  }
  return engine.checkCanary() && engine.replacedInstances === 0
    ? undefined
    : 'loaded, and the engine is unwell';
}

function askedOf(policies: PolicySet) {
  return accessQuestion(policies, {
    principal: 'User::"bob"',
    action: 'read',
    resource: 'Database::"orders"',
  });
}

const MOST_SHOWN = 1_500;

/** What is not as in the good folder. */
function shown(files: PolicyFiles): string {
  return Array.from(files)
    .filter(([name, text]) => GOOD.get(name) !== text)
    .map(([name, text]) => `${name}: ${JSON.stringify(text).slice(0, MOST_SHOWN)}`)
    .join('\n');
}
