import type { Entity } from '../access/entity.ts';
import type { PolicyFiles } from './files.ts';
import type { PolicySet } from './policy-set.ts';
import type { Problem } from './problem.ts';

/** Either a set that passed every check, or everything that is wrong with it, by file and place. */
export type LoadResult =
  | { readonly ok: true; readonly policies: PolicySet }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface LoadOptions {
  /** The directory: checked against the schema when given. */
  readonly entities?: readonly Entity[];
  /** How problems of the directory name it. */
  readonly entitiesFile?: string;
  /** How long the examination may take altogether. */
  readonly timeoutMs?: number;
}

/**
 * Parses, validates and probes a policy folder in a worker thread of its own, so that a policy that kills Cedar kills
 * nothing else. Never throws for what is in the files.
 */
export async function loadPolicies(_files: PolicyFiles, _options: LoadOptions = {}): Promise<LoadResult> {
  throw new Error('not there yet');
}
