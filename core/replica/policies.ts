import { createEngine, type Engine, type EngineOptions } from '../policy/engine.ts';
import { digestOf } from '../policy/files.ts';
import type { loadPolicies } from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { formatProblem } from '../policy/problem.ts';
import type { AskedBefore } from '../policy/self-check/recent-questions.ts';
import type { Database } from '../store/connect.ts';
import { readPolicySet, type StoredFiles } from '../store/policy-sets.ts';
import type { PolicyCounts } from './observe-replica.ts';

/** The policy set in force, or that it cannot be loaded here. */
export type Policies =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'ready';
      readonly digest: string;
      readonly engine: Engine;
      /** The set that the ledger names in the place of this one, and that its self-check refused here. */
      readonly refused?: { readonly digest: string; readonly why: string };
    }
  | { readonly kind: 'failed'; readonly digest: string; readonly why: string };

/** What came of loading a set. */
export type LoadedSet =
  | Policies
  /** Its index would decide otherwise than all its policies do: what was in force before stays, if anything was. */
  | { readonly kind: 'refused'; readonly digest: string; readonly why: string };

export interface PoliciesLog {
  readonly info: (facts: object, message: string) => void;
  readonly error: (facts: object, message: string) => void;
}

/** Sets that this process has examined already, by digest. */
export type LoadedPolicies = Map<string, PolicySet>;

export interface LoadInForce {
  readonly database: Database;
  readonly log: PoliciesLog;
  readonly loaded: LoadedPolicies;
  readonly counts: PolicyCounts;
  /** What engines of this process were asked, by the directory of now. */
  readonly askedBefore: () => readonly AskedBefore[];
  /** Hears of every question that the engine is asked. */
  readonly onAsked: NonNullable<EngineOptions['onAsked']>;
  readonly loadPolicies: typeof loadPolicies;
}

/**
 * Loads the set that the ledger names, and reads it unless its files are given. One that this process examined itself has been checked
 * already. A set that cannot be loaded permits nothing here, and one that its self-check refuses is not used; both say so. A database
 * that does not answer throws, so that the caller tries again.
 */
export async function loadInForce(
  digest: string,
  options: LoadInForce,
  read?: StoredFiles,
): Promise<LoadedSet> {
  const { log, loaded, counts } = options;
  const policies = loaded.get(digest) ?? (await load(digest, options, read));
  // It is kept by its engine from here on.
  loaded.delete(digest);
  if ('kind' in policies) return policies;
  counts.activated();
  log.info({ digest }, 'policy set in force');
  return { kind: 'ready', digest, engine: engineOf(policies, options) };
}

async function load(
  digest: string,
  { database, askedBefore, loadPolicies: loadFiles, ...told }: LoadInForce,
  read: StoredFiles | undefined,
): Promise<PolicySet | LoadedSet> {
  const files = read ?? (await readPolicySet(database, digest));
  if (files === undefined) return failed(digest, 'the database does not have it', told);
  // The ledger's chain covers the digest, nothing else covers the files.
  if (digestOf(files) !== digest)
    return failed(digest, 'the database has other files under its digest', told);
  // Whoever put it in force examined it; to judge it anew would let an upgrade take a set out of force.
  const result = await loadFiles(files, { wasExamined: true, askedBefore: askedBefore() });
  if (result.ok) return result.policies;
  const why = result.problems.map(formatProblem).join('\n');
  return result.differs === true ? refused(digest, why, told) : failed(digest, why, told);
}

type Told = Pick<LoadInForce, 'log' | 'counts'>;

function failed(digest: string, why: string, { log, counts }: Told): LoadedSet {
  counts.notLoaded();
  log.error({ digest, why }, 'the policy set in force cannot be loaded: nothing is permitted');
  return { kind: 'failed', digest, why };
}

function refused(digest: string, why: string, { log, counts }: Told): LoadedSet {
  counts.differed();
  log.error(
    { digest, why },
    'the policy set in force was refused by its self-check: the one before stays in use here, if there was one',
  );
  return { kind: 'refused', digest, why };
}

function engineOf(policies: PolicySet, { log, counts, onAsked }: LoadInForce): Engine {
  const { digest } = policies;
  return createEngine(policies, {
    onAsked,
    onFailure: (message) => {
      counts.failed();
      // What comes after the colon are Cedar's words, which quote the question.
      log.error({ digest, failure: message.split(':', 1)[0] }, 'the policy engine failed on a question');
    },
    onReplaced: (reason) => {
      counts.replaced();
      log.error({ digest, reason }, 'an instance of the policy engine was replaced');
    },
  });
}
