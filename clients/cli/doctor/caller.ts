import { type Curfew, CurfewError } from '../../sdk/index.ts';
import type { GetStatusResponse } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { callerName } from '../caller.ts';
import { formatEntity } from '../entity-name.ts';
import { about, type Check } from './check.ts';

/** What the services say to whoever is calling. */
export interface CallerFindings {
  readonly checks: readonly Check[];
  /** The policy set in force; undefined when the decision service did not say. */
  readonly policyDigest: string | undefined;
}

const say = about('caller');

/** Who the services take the caller for, and which policies are in force. */
export async function askAsCaller(curfew: Curfew): Promise<CallerFindings> {
  const [caller, status] = await Promise.allSettled([
    callerName(curfew),
    curfew.services.decision.getStatus({}),
  ]);
  return {
    checks: [
      caller.status === 'fulfilled'
        ? say('ok', `the grant service takes you for ${formatEntity(caller.value)}`)
        : refused('the grant service', caller.reason),
      ...(status.status === 'fulfilled'
        ? refusedSet(status.value)
        : [refused('the decision service', status.reason)]),
    ],
    policyDigest: status.status === 'fulfilled' ? status.value.policyDigest : undefined,
  };
}

function refusedSet({ refusedPolicyDigest }: GetStatusResponse): readonly Check[] {
  if (refusedPolicyDigest === '') return [];
  const message = `the decision service refused the policies in force, ${refusedPolicyDigest}, by its self-check, and goes on with those before`;
  return [say('failure', message, 'its log names the policies and what differed')];
}

/** A service that is down has a check of its own. */
function refused(who: string, reason: unknown): Check {
  const error = CurfewError.from(reason);
  if (error.reason === undefined) return say('skipped', `${who} gave no answer: ${error.message}`);
  return say('failure', `${who} says: ${error.message} (${error.reason})`, `curfew explain ${error.reason}`);
}
