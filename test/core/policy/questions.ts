import fc from 'fast-check';
import { type Entity, type EntityUid, uidKey, type Value } from '../../../core/access/entity.ts';
import { accessContext, curfewContext, type GrantFacts } from '../../../core/policy/curfew-context.ts';
import type { EngineQuestion } from '../../../core/policy/engine.ts';
import { entitiesFor } from '../../../core/policy/entity-closure.ts';
import type { Phase, PolicySet } from '../../../core/policy/policy-set.ts';
import { actionOf, curfewAction } from '../../../core/policy/schema-shape.ts';
import { sampleDirectory } from './sample.ts';

export const NOW = new Date('2026-06-01T09:00:00Z');

export const GRANT: GrantFacts = {
  id: 'g',
  workflow: 'prod-reads',
  steps: ['owner'],
  reason: 'a reason',
  breakGlass: false,
  startsAt: NOW,
  expiresAt: new Date(NOW.getTime() + 3_600_000),
};

const directory = new Map(sampleDirectory().map((entity) => [uidKey(entity.uid), entity]));

export function lookup(uid: EntityUid): Entity | undefined {
  return directory.get(uidKey(uid));
}

export function entity(text: string): EntityUid {
  const [type = '', id = ''] = text.split('::"');
  return { type, id: id.slice(0, -1) };
}

export function long(value: bigint): Value {
  return { kind: 'long', value };
}

/** What a test asks of the sample, in short. */
export interface Asked {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly sent?: ReadonlyMap<string, Value>;
  readonly grant?: GrantFacts | undefined;
}

/** A question to the access set with everything that the decision service would bring. */
export function accessQuestion(policies: PolicySet, asked: Asked): EngineQuestion {
  const action = actionOf(policies.schema, { type: 'Action', id: asked.action });
  if (action === undefined) throw new Error(`no action ${asked.action}`);
  const sent = asked.sent ?? new Map([['level', long(1n)]]);
  const context = accessContext({ action, sent, now: NOW, grant: asked.grant });
  return complete(policies, 'access', { ...roots(asked), action: action.uid, context });
}

/** A question about a Curfew action, with a request by ada for `actions`. */
export function workflowQuestion(
  policies: PolicySet,
  asked: Asked,
  actions: readonly string[] = ['read'],
): EngineQuestion {
  const action = curfewAction(policies.schema, asked.action);
  if (action === undefined) throw new Error(`no action ${asked.action}`);
  const ada = entity('User::"ada"');
  const facts = {
    id: 'r',
    requester: ada,
    subject: ada,
    actions,
    reason: 'a reason',
    durationMs: 3_600_000,
    breakGlass: false,
    extension: 0n,
  };
  const context = curfewContext({ shape: policies.schema, action, now: NOW, request: facts });
  return complete(policies, 'workflows', { ...roots(asked), action: action.uid, context });
}

function roots(asked: Asked): Pick<EngineQuestion, 'principal' | 'resource'> {
  return { principal: entity(asked.principal), resource: entity(asked.resource) };
}

function complete(
  policies: PolicySet,
  phase: Phase,
  question: Omit<EngineQuestion, 'entities'>,
): EngineQuestion {
  return { ...question, entities: entitiesFor(policies, phase, question, lookup) };
}

/** Any int64, those around powers of two more often. */
export const int64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 62 }), fc.constantFrom(-1n, 0n, 1n), fc.constantFrom(-1n, 1n))
    .map(([power, near, sign]) => sign * (2n ** BigInt(power) + near)),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n + 1n, 0n),
);

/** A question to the access set about the sample's entities, known and unknown. */
export const anyAsked: fc.Arbitrary<Asked> = fc.record({
  principal: fc.constantFrom('User::"ada"', 'User::"bob"', 'Service::"ci"', 'User::"nobody"'),
  action: fc.constantFrom('read', 'write'),
  resource: fc.constantFrom(
    'Database::"orders"',
    'Database::"people"',
    'Database::"vault"',
    'Database::"none"',
  ),
  sent: fc
    .tuple(int64, fc.option(fc.boolean()))
    .map(
      ([level, mfa]) =>
        new Map<string, Value>([
          ['level', long(level)],
          ...(mfa === null ? [] : [['mfa', { kind: 'bool', value: mfa }] as const]),
        ]),
    ),
  grant: fc.constantFrom(undefined, GRANT),
});
