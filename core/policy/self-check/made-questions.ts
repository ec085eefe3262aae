import { type Entity, type EntityUid, sameUid, uidKey, type Value } from '../../access/entity.ts';
import type { EngineQuestion } from '../evaluator.ts';
import type { EntityScope, Guard, Phase, PolicySource } from '../policy-set.ts';
import {
  type ActionShape,
  actionAncestors,
  domainActions,
  isCurfewAction,
  type SchemaShape,
} from '../schema-shape.ts';
import type { Constants } from './constants.ts';
import type { Draws } from './draws.ts';
import { madeAttributes, madeValue, type Making, type Optional } from './made-values.ts';
import { madeWorld } from './made-world.ts';

/** A question and all the entities that there are around it. */
export interface PlacedQuestion {
  readonly question: Omit<EngineQuestion, 'entities'>;
  /** With their direct parents, and no cycle. */
  readonly world: readonly Entity[];
}

/** What a question is to do to the policy that it is made for. */
interface Aim {
  /** What of the head and the guards does not hold; all of it holds where nothing is said. */
  readonly misses?: 'action' | 'another' | 'everything';
  readonly optional: Optional;
}

const AIMS: readonly Aim[] = [
  { optional: 'all' },
  { optional: 'none' },
  { optional: 'some', misses: 'another' },
  { optional: 'some' },
  { optional: 'all', misses: 'action' },
  { optional: 'some', misses: 'everything' },
];

/** How many questions are made for one policy. */
export const QUESTIONS_OF_POLICY = AIMS.length;

export interface MadeFor {
  readonly schema: SchemaShape;
  readonly phase: Phase;
  readonly policy: PolicySource;
  readonly constants: Constants;
  readonly draws: Draws;
}

/** A question that satisfies the head and the guards of the policy, or just misses them, by `turn` from 0; undefined where the phase has no action. */
export function madeQuestion(made: MadeFor, turn: number): PlacedQuestion | undefined {
  const { schema, phase, policy, draws } = made;
  const aim = AIMS[turn % AIMS.length] ?? { optional: 'all' };
  const action = actionFor(made, aim);
  if (action === undefined) return undefined;
  const scopes = { principal: scopesOf(policy, 'principal'), resource: scopesOf(policy, 'resource') };
  const missed = missedPart(policy, aim, draws);
  const principal = sideFor(made, scopes.principal, action.principalTypes, missed.has('principal'));
  const resource = sideFor(made, scopes.resource, action.resourceTypes, missed.has('resource'));
  const making = { schema, draws, constants: made.constants, sides: [principal.uid, resource.uid] };
  const context = contextFor(action, policy.guards, { making, aim, isMissed: missed.has('context') });
  const parents = new Map([...principal.parents, ...resource.parents]);
  const world = madeWorld({ making, optional: aim.optional, parents, context });
  const isUnknown = phase === 'access' && aim.misses === 'everything' && draws.oneIn(2);
  const question = { principal: principal.uid, action: action.uid, resource: resource.uid, context };
  return { question, world: isUnknown ? [] : world };
}

type Part = 'principal' | 'resource' | 'context';

function missedPart({ guards }: PolicySource, { misses }: Aim, draws: Draws): ReadonlySet<Part> {
  if (misses === 'everything') return new Set(['principal', 'resource', 'context']);
  if (misses !== 'another') return new Set();
  const parts: Part[] = ['principal', 'resource'];
  if (guards.some(({ about }) => about === 'context')) parts.push('context');
  return new Set([draws.pick(parts) ?? 'principal']);
}

function actionFor({ schema, phase, policy, draws }: MadeFor, { misses }: Aim): ActionShape | undefined {
  const all =
    phase === 'access'
      ? domainActions(schema)
      : [...schema.actions.values()].filter(({ uid }) => isCurfewAction(uid));
  const askable = all.filter(
    ({ principalTypes, resourceTypes }) => principalTypes.length > 0 && resourceTypes.length > 0,
  );
  const letsIn = askable.filter((action) => isNamed(schema, policy, action.uid));
  const others = askable.filter((action) => !letsIn.includes(action));
  const wanted = misses === 'action' ? [others, letsIn] : [letsIn, others];
  return draws.pick(wanted.find((each) => each.length > 0) ?? []);
}

function isNamed(schema: SchemaShape, { action: scope }: PolicySource, action: EntityUid): boolean {
  if (scope.kind === 'any') return true;
  if (scope.kind === 'equals') return sameUid(scope.uid, action);
  const above = [action, ...actionAncestors(schema, action)];
  return scope.uids.some((uid) => above.some((each) => sameUid(uid, each)));
}

/** What the head and the guards want the principal or the resource to be. */
function scopesOf(policy: PolicySource, side: 'principal' | 'resource'): readonly EntityScope[] {
  const guards = policy.guards.flatMap((guard) => (guard.about === side && guard.holds ? [guard.scope] : []));
  return [policy[side], ...guards];
}

/** A principal or a resource, and what it and those above it are directly inside of. */
interface Side {
  readonly uid: EntityUid;
  readonly parents: readonly (readonly [string, readonly EntityUid[]])[];
}

function sideFor(
  { schema, draws }: MadeFor,
  scopes: readonly EntityScope[],
  types: readonly string[],
  isMissed: boolean,
): Side {
  const [spared, ...rest] = draws.shuffled(scopes);
  const wanted = isMissed || spared === undefined ? rest : scopes;
  const typed = wanted.find((scope) => 'type' in scope);
  const type = typed !== undefined && 'type' in typed ? typed.type : (draws.pick(types) ?? '');
  const same = wanted.find((scope) => scope.kind === 'equals');
  const ids = schema.entityTypes.get(type)?.ids ?? ['a', 'stranger'];
  const uid = same !== undefined && 'uid' in same ? same.uid : { type, id: draws.pick(ids) ?? '' };
  const containers = wanted.flatMap((scope) =>
    (scope.kind === 'in' || scope.kind === 'isIn') && !sameUid(scope.uid, uid) ? [scope.uid] : [],
  );
  if (containers.length === 0) return { uid, parents: [] };
  // Inside by way of another, as people are by groups in groups.
  const between = { type: containers[0]?.type ?? type, id: 'between' };
  if (draws.oneIn(2) || containers.some((each) => sameUid(each, between)))
    return { uid, parents: [[uidKey(uid), containers]] };
  return {
    uid,
    parents: [
      [uidKey(uid), [between]],
      [uidKey(between), containers],
    ],
  };
}

interface ContextOf {
  readonly making: Making;
  readonly aim: Aim;
  readonly isMissed: boolean;
}

function contextFor(
  { context: declared }: ActionShape,
  guards: readonly Guard[],
  { making, aim, isMissed }: ContextOf,
): ReadonlyMap<string, Value> {
  const context = madeAttributes(declared, aim.optional, making);
  const about = guards.filter((guard) => guard.about === 'context');
  const missed = isMissed ? making.draws.pick(about) : undefined;
  for (const guard of about) {
    const shape = declared.get(guard.attribute);
    const isWanted = guard.holds === (guard !== missed);
    if (!isWanted) context.delete(guard.attribute);
    else if (shape !== undefined && !context.has(guard.attribute))
      context.set(guard.attribute, madeValue(shape.type, aim.optional, making));
  }
  return context;
}
