import { runCases, type CaseReport } from '../../core/policy/cases.ts';
import { readDirectory } from '../../core/policy/directory-file.ts';
import { findFailOpen } from '../../core/policy/fail-open.ts';
import { PolicyFolderError, readCaseFiles, readPolicyFolder } from '../../core/policy/files.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import { findOverlaps, type Overlaps } from '../../core/policy/overlaps.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import type { Problem } from '../../core/policy/problem.ts';
import { createEngine } from '../../core/policy/engine.ts';
import { CliError } from './cli-error.ts';
import { exitCode } from './exit-code.ts';

/** A folder that passed every check, or everything that is wrong with it. */
export type FolderCheck =
  | { readonly ok: true; readonly policies: PolicySet; readonly entityCount: number; readonly advice: Advice }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What is allowed and worth knowing. */
export interface Advice {
  readonly failOpen: readonly Problem[];
  readonly overlaps: Overlaps;
}

/** Checks a folder as the grant service would before it puts it in force. @throws CliError when it cannot be read */
export async function checkFolder(folder: string, now: Date): Promise<FolderCheck> {
  const loaded = await loadFolder(folder);
  if (!loaded.ok) return loaded;
  const { policies, entities } = loaded;
  const advice = { failOpen: findFailOpen(policies), overlaps: findOverlaps(policies, { entities, now }) };
  return { ok: true, policies, entityCount: entities.length, advice };
}

/** What came of a folder's `cases/`: reports by file, or what is wrong with the policies themselves. */
export type FolderTest =
  | { readonly ok: true; readonly reports: readonly CaseReport[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Runs the cases of a folder against its policies and its directory. @throws CliError when it cannot be read */
export async function testFolder(folder: string): Promise<FolderTest> {
  const loaded = await loadFolder(folder);
  if (!loaded.ok) return loaded;
  const { policies, entities } = loaded;
  const subject = { policies, entities, engine: createEngine(policies) };
  const files = await readable(readCaseFiles(folder));
  return { ok: true, reports: Array.from(files, ([file, text]) => runCases(subject, text, file)) };
}

/** Loads a folder as the grant service would, or says everything that is wrong with it. @throws CliError when it cannot be read */
export async function loadFolder(folder: string) {
  const files = await readable(readPolicyFolder(folder));
  const directory = await readable(readDirectory(folder));
  if (!directory.ok) return directory;
  const { entities } = directory;
  const loaded = await loadPolicies(files, { entities });
  return loaded.ok ? { ...loaded, entities } : loaded;
}

async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof PolicyFolderError)) throw error;
    throw new CliError(error.message, {
      exitCode: exitCode.policyInvalid,
      cause: error,
      next: 'name the folder that holds schema.cedarschema, access/, guardrails/ and workflows/',
    });
  }
}
