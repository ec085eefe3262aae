import { createEngine, type Engine } from '../../../core/policy/engine.ts';
import { type PolicyFiles, readPolicyFolder } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { STANDING_PERMIT } from './domain.ts';

const GUARDRAILS = 'guardrails/guardrails.cedar';
const ACCESS = 'access/access.cedar';
const WORKFLOWS = 'workflows/workflows.cedar';

/** Changes of the policies of which none lets anybody do more. */
const CHANGES: Readonly<Record<string, readonly [file: string, change: (text: string) => string]>> = {
  'a forbid of one person more': [
    GUARDRAILS,
    (text) =>
      `${text}\n@id("not-ada") forbid (principal == User::"ada", action == Action::"read", resource);`,
  ],
  'a forbid of what is sent more': [
    GUARDRAILS,
    (text) =>
      `${text}\n@id("not-many") forbid (principal, action in [Action::"read", Action::"write"], resource) when { context has rows && context.rows > 4 };`,
  ],
  'a forbid that errs more': [
    GUARDRAILS,
    (text) =>
      `${text}\n@id("errs") forbid (principal, action in [Action::"read", Action::"write"], resource) when { context has rows && context.rows + 9223372036854775807 < 0 };`,
  ],
  'a standing permit less': [ACCESS, (text) => text.replace(STANDING_PERMIT, '')],
  'what grants give less': [ACCESS, (text) => text.replace('Action::"read", ', '')],
  'a workflow less': [WORKFLOWS, (text) => text.replace(/@id\("auto"\)[^;]*;/, '')],
};

/** An engine for each way in which the policies of the folder could let people do less. */
export async function loadLesser(folder: string): Promise<ReadonlyMap<string, Engine>> {
  const files = await readPolicyFolder(folder);
  const engines = new Map<string, Engine>();
  for (const [name, [file, change]] of Object.entries(CHANGES))
    engines.set(name, await load(files, file, change));
  return engines;
}

async function load(files: PolicyFiles, file: string, change: (text: string) => string): Promise<Engine> {
  const before = files.get(file) ?? '';
  const after = change(before);
  if (after === before) throw new Error(`nothing was changed in ${file}`);
  const result = await loadPolicies(new Map([...files, [file, after]]), { wasExamined: true });
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return createEngine(result.policies);
}
