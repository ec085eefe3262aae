import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Terminal } from '../terminal.ts';
import { about, type Check, messageOf } from './check.ts';

const say = about('policies');

/**
 * Whether the policy folder loads, and is what is in force.
 *
 * @param digestInForce undefined when no service said it, empty when no set is in force
 */
export async function checkPolicies(
  { env, cwd }: Pick<Terminal, 'env' | 'cwd'>,
  digestInForce: string | undefined,
): Promise<readonly Check[]> {
  const folder = resolve(cwd, env['CURFEW_POLICIES'] || 'policies'); // an empty variable is none
  if (!env['CURFEW_POLICIES'] && !existsSync(folder)) {
    const next = 'set CURFEW_POLICIES to the folder, to have it looked at';
    return [say('skipped', 'CURFEW_POLICIES is not set and there is no folder policies here', next)];
  }
  try {
    // Cedar is loaded here only.
    const { loadFolder } = await import('../policy-report.ts');
    const loaded = await loadFolder(folder);
    if (!loaded.ok) {
      const seen = `${folder} has ${loaded.problems.length} problems, the first: ${loaded.problems[0]?.message}`;
      return [say('failure', seen, `curfew policy check ${folder}`)];
    }
    const { digest } = loaded.policies;
    return [say('ok', `${folder} loads, digest ${digest}`), compare(digest, digestInForce)];
  } catch (error) {
    return [say('failure', messageOf(error), 'correct CURFEW_POLICIES')];
  }
}

function compare(digest: string, digestInForce: string | undefined): Check {
  const sayInForce = about('policies in force');
  if (digestInForce === undefined)
    return sayInForce('skipped', 'the decision service did not say which policies are in force');
  if (digestInForce === digest) return sayInForce('ok', 'the folder is what is in force');
  const seen =
    digestInForce === '' ? 'no policies are in force' : `in force is ${digestInForce}, not this folder`;
  const next =
    'start the grant service with CURFEW_POLICIES set to this folder; its log says why a folder is not taken';
  return sayInForce('warning', seen, next);
}
