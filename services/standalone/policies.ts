import { readPolicyFolder } from '../../core/policy/files.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import { formatProblem } from '../../core/policy/problem.ts';

/** The entity types that people and services have in the folder's schema. @throws Error saying what is wrong with the folder, a line each */
export async function readFolderPolicies(
  folder: string,
): Promise<{ readonly personTypes: readonly string[]; readonly serviceTypes: readonly string[] }> {
  const loaded = await loadPolicies(await readPolicyFolder(folder));
  if (!loaded.ok)
    throw new Error(
      `the policies in ${folder} are not fit to be used:\n${loaded.problems.map(formatProblem).join('\n')}`,
    );
  const { personTypes, serviceTypes } = loaded.policies.schema;
  return { personTypes, serviceTypes };
}
