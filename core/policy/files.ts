/** A policy folder: text by path relative to it, with forward slashes; the schema and the policies, nothing else. */
export type PolicyFiles = ReadonlyMap<string, string>;

/** Where the schema stands in a policy folder. */
export const SCHEMA_FILE = 'schema.cedarschema';

/** Says what is wrong with a policy folder as a whole, or with one of its files. */
export class PolicyFolderError extends Error {
  override readonly name = 'PolicyFolderError';
}

/** Reads schema and policies of a folder, symbolic links followed. @throws PolicyFolderError naming the path and what is wrong with it. */
export async function readPolicyFolder(_folder: string): Promise<PolicyFiles> {
  throw new Error('not there yet');
}

/** SHA-256 in hex over paths and texts; equal for equal sets only. */
export function digestOf(_files: PolicyFiles): string {
  throw new Error('not there yet');
}

/** The text of the folder's `directory.json`, or undefined when it has none. @throws PolicyFolderError */
export async function readDirectoryFile(_folder: string): Promise<string | undefined> {
  throw new Error('not there yet');
}

/** The texts of the folder's `cases/*.yaml`, by path. @throws PolicyFolderError */
export async function readCaseFiles(_folder: string): Promise<PolicyFiles> {
  throw new Error('not there yet');
}
