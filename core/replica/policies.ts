import { createEngine, type Engine } from '../policy/engine.ts';
import { digestOf } from '../policy/files.ts';
import { loadPolicies } from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { formatProblem } from '../policy/problem.ts';
import type { Database } from '../store/connect.ts';
import { readPolicySet, type StoredFiles } from '../store/policy-sets.ts';
import type { PolicyCounts } from './observe-replica.ts';

/** The policy set in force, or that it cannot be loaded here. */
export type Policies =
  | { readonly kind: 'none' }
  | { readonly kind: 'ready'; readonly digest: string; readonly engine: Engine }
  | { readonly kind: 'failed'; readonly digest: string; readonly why: string };

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
}

/**
 * Loads the set that the ledger names, and reads it unless its files are given. A set that cannot be loaded permits nothing here, and says so; a database that
 * does not answer throws, so that the caller tries again.
 */
export async function loadInForce(
  digest: string,
  options: LoadInForce,
  read?: StoredFiles,
): Promise<Policies> {
  const { database, log, loaded, counts } = options;
  const policies = loaded.get(digest) ?? (await load(database, digest, read));
  // It is kept by its engine from here on.
  loaded.delete(digest);
  if (typeof policies === 'string') {
    counts.notLoaded();
    log.error({ digest, why: policies }, 'the policy set in force cannot be loaded: nothing is permitted');
    return { kind: 'failed', digest, why: policies };
  }
  counts.activated();
  log.info({ digest }, 'policy set in force');
  return { kind: 'ready', digest, engine: engineOf(policies, options) };
}

/** The set, or why it cannot be loaded. */
async function load(
  database: Database,
  digest: string,
  read: StoredFiles | undefined,
): Promise<PolicySet | string> {
  const files = read ?? (await readPolicySet(database, digest));
  if (files === undefined) return 'the database does not have it';
  // The ledger's chain covers the digest, nothing else covers the files.
  if (digestOf(files) !== digest) return 'the database has other files under its digest';
  // Whoever put it in force examined it; to judge it anew would let an upgrade take a set out of force.
  const result = await loadPolicies(files, { wasExamined: true });
  return result.ok ? result.policies : result.problems.map(formatProblem).join('\n');
}

function engineOf(policies: PolicySet, { log, counts }: LoadInForce): Engine {
  const { digest } = policies;
  return createEngine(policies, {
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
