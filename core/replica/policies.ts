import { createEngine, type Engine } from '../policy/engine.ts';
import { loadPolicies } from '../policy/load.ts';
import { formatProblem } from '../policy/problem.ts';
import type { Database } from '../store/connect.ts';
import { readPolicySet } from '../store/policy-sets.ts';

/** The policy set in force, or that it cannot be loaded here. */
export type Policies =
  | { readonly kind: 'none' }
  | { readonly kind: 'ready'; readonly digest: string; readonly engine: Engine }
  | { readonly kind: 'failed'; readonly digest: string; readonly why: string };

export interface PoliciesLog {
  readonly info: (facts: object, message: string) => void;
  readonly error: (facts: object, message: string) => void;
}

/**
 * Reads and loads the set that the ledger names. A set that cannot be loaded permits nothing here, and says so; a database that
 * does not answer throws, so that the caller tries again.
 */
export async function loadInForce(database: Database, digest: string, log: PoliciesLog): Promise<Policies> {
  const files = await readPolicySet(database, digest);
  const loaded = files === undefined ? undefined : await loadPolicies(files);
  if (loaded === undefined || !loaded.ok) {
    const why =
      loaded === undefined ? 'the database does not have it' : loaded.problems.map(formatProblem).join('\n');
    log.error({ digest, why }, 'the policy set in force cannot be loaded: nothing is permitted');
    return { kind: 'failed', digest, why };
  }
  log.info({ digest }, 'policy set in force');
  return { kind: 'ready', digest, engine: engineOf(loaded.policies, log) };
}

function engineOf(policies: Parameters<typeof createEngine>[0], log: PoliciesLog): Engine {
  return createEngine(policies, {
    onFailure: (message) =>
      log.error({ digest: policies.digest, message }, 'the policy engine failed on a question'),
  });
}
