import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import { curfewContext } from '../../core/policy/curfew-context.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import { curfewAction, SYSTEM } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { FollowedState } from './followed-state.ts';
import type { PolicyAlarm } from './policy-alarm.ts';
import { mayReadNow } from '../../core/policy/reads-about.ts';

/** The actions of `Curfew::Action` that say who may ask about whom. */
export type Right = 'authorize' | 'explain' | 'watch';

/** Says who may ask about whom. */
export interface Rights {
  /**
   * @returns whether it holds until policies or directory change; false when time alone could end it
   * @throws AccessError NOT_PERMITTED, POLICIES_MISSING, EVALUATION_FAILED
   */
  require(right: Right, caller: EntityUid, principal: EntityUid, now: Date): boolean;
}

export interface RightsOptions {
  /** Answers held at once; the oldest go first. */
  readonly mostKept?: number;
  /** Hears of policies that err. */
  readonly alarm?: PolicyAlarm;
}

const MOST_KEPT = 10_000;

/**
 * Asks the workflows set, about the installation first and then about the one principal. Answers are kept until policies or directory
 * change; those of policies that read the time are not.
 */
export function createRights(state: FollowedState, options: RightsOptions = {}): Rights {
  const { mostKept = MOST_KEPT, alarm = () => undefined } = options;
  const kept = new Map<string, boolean>();
  let generation: number | undefined;
  /** Who was found last to have a right over everybody: an application asks again and again. */
  let last: Pick<Asked, 'right' | 'caller'> | undefined;

  function forgetWhenChanged(): void {
    const current = state.replica.generation;
    if (generation === current) return;
    kept.clear();
    last = undefined;
    generation = current;
  }

  function look(asked: Asked): Permission {
    const key = `${asked.right} ${uidKey(asked.caller)} ${uidKey(asked.resource)}`;
    const known = kept.get(key);
    if (known !== undefined) return { permitted: known, isLasting: true };
    const permission = ask(state.replica, asked, alarm);
    if (permission.isLasting) {
      const [oldest] = kept.keys();
      if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
      kept.set(key, permission.permitted);
    }
    return permission;
  }

  return {
    require(right, caller, principal, now) {
      forgetWhenChanged();
      if (last !== undefined && last.right === right && sameUid(last.caller, caller)) return true;
      if (sameUid(caller, principal)) return true;
      for (const resource of [SYSTEM, principal]) {
        const { permitted, isLasting } = look({ right, caller, now, resource });
        if (permitted && isLasting && resource === SYSTEM) last = { right, caller };
        if (permitted) return isLasting;
      }
      const message = `${formatUid(caller)} is not permitted ${right} on ${formatUid(principal)}: a permit for Curfew::Action::"${right}" in workflows/ would be needed`;
      throw new AccessError('NOT_PERMITTED', message, { metadata: { right } });
    },
  };
}

interface Asked {
  readonly right: Right;
  readonly caller: EntityUid;
  readonly resource: EntityUid;
  readonly now: Date;
}

interface Permission {
  readonly permitted: boolean;
  /** Whether that holds until policies or directory change. */
  readonly isLasting: boolean;
}

function ask(
  { engine, directory }: Replica,
  { right, caller, resource, now }: Asked,
  alarm: PolicyAlarm,
): Permission {
  const { policies } = engine;
  const action = curfewAction(policies.schema, right);
  const applies =
    action?.principalTypes.includes(caller.type) === true && action.resourceTypes.includes(resource.type);
  if (action === undefined || !applies) return { permitted: false, isLasting: true };
  const context = curfewContext({ shape: policies.schema, action, now });
  const roots = { principal: caller, resource, context };
  const entities = entitiesFor(policies, 'workflows', roots, (uid) => directory.get(uid));
  const evaluation = engine.evaluate('workflows', { ...roots, action: action.uid, entities });
  if (evaluation.failure !== undefined) {
    throw new AccessError('EVALUATION_FAILED', 'the policy engine failed on the caller; call again', {
      cause: evaluation.failure,
    });
  }
  alarm(policies.digest, evaluation.errors);
  const kind = {
    phase: 'workflows',
    action,
    principalType: caller.type,
    resourceType: resource.type,
  } as const;
  return { permitted: evaluation.decision === 'allow', isLasting: !mayReadNow(policies, kind) };
}
