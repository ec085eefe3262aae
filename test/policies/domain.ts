import { fileURLToPath } from 'node:url';
import { parseEntities } from '../../core/access/entity-json.ts';
import {
  type PolicyFiles,
  readCaseFiles,
  readDirectoryFile,
  readPolicyFolder,
} from '../../core/policy/files.ts';
import { type LoadResult, loadPolicies } from '../../core/policy/load.ts';

/** A policy folder as it lies on disk. */
export interface Domain {
  readonly files: PolicyFiles;
  readonly directory: string;
  readonly cases: PolicyFiles;
}

/** Reads a policy folder; the path counts from this file. */
export async function readDomain(path: string): Promise<Domain> {
  const folder = fileURLToPath(new URL(path, import.meta.url));
  const [files, directory, cases] = await Promise.all([
    readPolicyFolder(folder),
    readDirectoryFile(folder),
    readCaseFiles(folder),
  ]);
  if (directory === undefined) throw new Error(`${path} has no directory.json`);
  return { files, directory, cases };
}

/** Loads policies and directory as the grant service does at its start. */
export async function load(domain: Pick<Domain, 'files' | 'directory'>): Promise<LoadResult> {
  return await loadPolicies(domain.files, {
    entities: parseEntities(domain.directory),
    entitiesFile: 'directory.json',
  });
}
