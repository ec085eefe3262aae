import { fileURLToPath } from 'node:url';
import { readPolicyFolder, type PolicyFiles } from '../../../core/policy/files.ts';

/** The policies beside this file, with other texts for some of them. */
export async function policyFiles(changes: Readonly<Record<string, string>> = {}): Promise<PolicyFiles> {
  const files = await readPolicyFolder(fileURLToPath(new URL('./policies/', import.meta.url)));
  return new Map([...files, ...Object.entries(changes)]);
}
