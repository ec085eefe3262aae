import { z } from 'zod';
import { digestOf, readPolicyFolder } from '../../core/policy/files.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import type { Home } from './home.ts';

/** The entity types that people and services have in a policy folder's schema. */
export interface CallerTypes {
  readonly personTypes: readonly string[];
  readonly serviceTypes: readonly string[];
}

const MEMORY = 'examined-policies.json';

/** What an earlier start found; a file that is not so is as good as none. */
const examined = z.object({
  digest: z.string(),
  personTypes: z.array(z.string()),
  serviceTypes: z.array(z.string()),
});

/**
 * Examines the folder, unless an earlier start examined the same files. @throws Error saying what is wrong with the folder, a line each
 */
export async function readFolderPolicies(folder: string, home: Home): Promise<CallerTypes> {
  const files = await readPolicyFolder(folder);
  const digest = digestOf(files);
  const known = examined.safeParse(parseJson(await home.read(MEMORY)));
  if (known.data?.digest === digest) return known.data;
  const loaded = await loadPolicies(files);
  if (!loaded.ok)
    throw new Error(
      `the policies in ${folder} are not fit to be used:\n${loaded.problems.map(formatProblem).join('\n')}`,
    );
  const { personTypes, serviceTypes } = loaded.policies.schema;
  await home.writeSecret(MEMORY, JSON.stringify({ digest, personTypes, serviceTypes }));
  return { personTypes, serviceTypes };
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // cut short by hand or by a full disk: examine again
  }
}
