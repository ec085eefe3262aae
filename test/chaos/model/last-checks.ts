import { deepStrictEqual } from 'node:assert/strict';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Attributes, Value } from '../../../core/access/entity.ts';
import { GrantIndex } from '../../../core/access/grant-index.ts';
import type { Engine } from '../../../core/policy/engine.ts';
import type { Replica } from '../../../core/replica/replica.ts';
import { verifyLedger } from '../../../core/store/verify-ledger.ts';
import { checkAgainstSchema } from '../../../services/decision/check.ts';
import { decide } from '../../../services/decision/decide.ts';
import type { FollowedState } from '../../../services/decision/followed-state.ts';
import { action, user } from './entities.ts';
import type { Model } from './model.ts';
import { OWNERS } from './terms.ts';
import type { World } from './world.ts';

/** I10: recomputed from a revision on. @returns the last revision */
export async function checkLedger({ context }: World, from: bigint): Promise<bigint> {
  const { intact, faults, lastRevision } = await verifyLedger(context.database, from);
  deepStrictEqual({ intact, faults }, { intact: true, faults: [] });
  return lastRevision;
}

/** What somebody may do now. */
interface Asked {
  readonly who: string;
  readonly resource: string;
  readonly verb: string;
  readonly sent: Attributes;
}

const MFA: readonly [string, Value] = ['mfa', { kind: 'bool', value: true }];
const ROWS: readonly [string, Value] = ['rows', { kind: 'long', value: 5n }];
/** With those that are sent left out one by one. */
const SENT: readonly Attributes[] = [new Map([MFA, ROWS]), new Map([MFA]), new Map([ROWS]), new Map()];

/** I18: nothing that takes something away lets anybody do more. I19: nor does an engine that fails, and the next answer is right. */
export function checkLess(world: World, model: Model): void {
  const { followed, lesser } = world;
  const { grants } = followed.replica;
  for (const asked of questions(model)) {
    const is = decided(followed, asked);
    for (const sent of SENT) wantLess(is, decided(followed, { ...asked, sent }), asked, 'less was sent');
    for (const [name, engine] of lesser) wantLess(is, decided(followed, asked, { engine }), asked, name);
    for (const grant of grants.all()) {
      const left = new GrantIndex();
      for (const other of grants.all()) if (other !== grant) left.add(other);
      wantLess(is, decided(followed, asked, { grants: left }), asked, 'a grant was revoked');
    }
    wantLess(
      'DENY',
      decided(followed, asked, { engine: failing(followed.replica.engine) }),
      asked,
      'it fails',
    );
    deepStrictEqual(decided(followed, asked), is);
  }
}

function questions({ grants }: Model): readonly Asked[] {
  const held = new Map(
    grants.map(({ subject, resource }) => [`${subject} ${resource}`, { who: subject, resource }]),
  );
  const owned = grants.slice(-1).flatMap(({ resource }) => OWNERS.map((who) => ({ who, resource })));
  const all = [...held.values(), ...owned];
  return all.flatMap((it) => ['read', 'write'].map((verb) => ({ ...it, verb, sent: new Map([MFA, ROWS]) })));
}

function wantLess(is: string, then: string, asked: Asked, change: string): void {
  if (then === 'ALLOW') deepStrictEqual({ change, asked, is }, { change, asked, is: 'ALLOW' });
}

/** A service's memory with something else in it. */
function decided(
  { replica, clock }: FollowedState,
  { who, resource, verb, sent }: Asked,
  changed: Partial<Pick<Replica, 'engine' | 'grants'>> = {},
): 'ALLOW' | 'DENY' | 'NO ANSWER' {
  const { engine, grants, directory, locks, generation } = replica;
  const other = { engine, grants, directory, locks, generation, ...changed } as Replica; // all of it that decisions read
  const question = {
    principal: user(who),
    action: action(verb),
    resource: { type: 'Database', id: resource },
    context: sent,
    entities: [],
    atLeastRevision: 0n,
    explain: false,
    dryRun: true,
    useId: '',
    prefix: '',
  };
  const moment = { now: clock.late(), early: clock.early(), freshness: 'fresh', ageMs: 0 } as const;
  try {
    return decide(other, checkAgainstSchema(other.engine.policies.schema, question), question, moment).effect;
  } catch (error) {
    if (error instanceof AccessError && error.reason === 'EVALUATION_FAILED') return 'NO ANSWER';
    throw error;
  }
}

function failing(engine: Engine): Engine {
  const failure = 'planted';
  return { ...engine, evaluate: () => ({ decision: 'deny', policyIds: [], errors: [], failure }) };
}
