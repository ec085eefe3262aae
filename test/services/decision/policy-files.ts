import { fileURLToPath } from 'node:url';
import { readPolicyFolder, type PolicyFiles } from '../../../core/policy/files.ts';

/** The policies beside this file, with other texts for some of them. */
export async function policyFiles(changes: Readonly<Record<string, string>> = {}): Promise<PolicyFiles> {
  const files = await readPolicyFolder(fileURLToPath(new URL('./policies/', import.meta.url)));
  return new Map([...files, ...Object.entries(changes)]);
}

/** A file of workflows of these ids that let everybody in for everything. */
export function openWorkflows(ids: readonly string[]): string {
  const permit = 'permit (principal, action == Curfew::Action::"request", resource);';
  return ids.map((id) => `@id("${id}") @approvals("none") @max("8h")\n${permit}\n`).join('\n');
}
