import { type Entity, type EntityUid, sameUid, uidKey } from '../access/entity.ts';
import type { EngineQuestion } from './evaluator.ts';
import type { EntityScope, Guard, PolicySource } from './policy-set.ts';
import { actionAncestors, type SchemaShape } from './schema-shape.ts';

/** Finds the policies whose heads and guards let a question in, by position in their set. */
export type Slicer = (
  question: EngineQuestion & { readonly entities: readonly Entity[] },
) => readonly number[];

/**
 * Leaves out policies whose head or a guard is false for a question: they can neither decide nor err, so the answer stays the same
 * (Cedar proves it of heads, `PolicySlice.lean`; of guards see `guardsOf`) and its cost follows the policies that can match.
 */
export function createSlicer(schema: SchemaShape, policies: readonly PolicySource[]): Slicer {
  const all = policies.map((policy, index) => ({ policy, index, tests: testsOf(policy) }));
  const byAction = new Map(
    Array.from(schema.actions, ([key, { uid }]) => [
      key,
      all.filter(({ policy }) => names(schema, policy, uid)),
    ]),
  );
  return (question) => {
    const { action, context, entities } = question;
    // an action that the schema does not know has no groups, and is not worth a list of its own
    const candidates =
      byAction.get(uidKey(action)) ?? all.filter(({ policy }) => names(schema, policy, action));
    const principal = sideOf(question.principal, entities);
    const resource = sideOf(question.resource, entities);
    const asked = { principal, resource, context };
    return candidates.filter(({ tests }) => tests.every((test) => test(asked))).map(({ index }) => index);
  };
}

function names(schema: SchemaShape, { action: scope }: PolicySource, action: EntityUid): boolean {
  switch (scope.kind) {
    case 'any':
      return true;
    case 'equals':
      return sameUid(scope.uid, action);
    case 'in':
      return [action, ...actionAncestors(schema, action)].some((up) =>
        scope.uids.some((uid) => sameUid(uid, up)),
      );
  }
}

/** A question, as far as heads and guards look at it. */
interface Asked {
  readonly principal: Side;
  readonly resource: Side;
  readonly context: EngineQuestion['context'];
}

/** The principal or the resource. */
interface Side {
  readonly uid: EntityUid;
  /** Whether it is the entity of that key, or below it. */
  readonly isIn: (key: string) => boolean;
}

type Test = (asked: Asked) => boolean;

function testsOf({ principal, resource, guards }: PolicySource): readonly Test[] {
  return [
    scopeTest('principal', principal),
    scopeTest('resource', resource),
    ...guards.map(guardTest),
  ].filter((test) => test !== always);
}

function always(): boolean {
  return true;
}

function guardTest(guard: Guard): Test {
  const { holds } = guard;
  if (guard.about === 'context') {
    const { attribute } = guard;
    return ({ context }) => context.has(attribute) === holds;
  }
  const test = scopeTest(guard.about, guard.scope);
  return (asked) => test(asked) === holds;
}

function scopeTest(side: 'principal' | 'resource', scope: EntityScope): Test {
  if (scope.kind === 'any') return always;
  if (scope.kind === 'is') return (asked) => asked[side].uid.type === scope.type;
  const key = uidKey(scope.uid);
  switch (scope.kind) {
    case 'isIn':
      return (asked) => asked[side].uid.type === scope.type && asked[side].isIn(key);
    case 'equals':
      return (asked) => sameUid(asked[side].uid, scope.uid);
    case 'in':
      return (asked) => asked[side].isIn(key);
  }
}

/** Its ancestors are looked up at the first test that needs them. */
function sideOf(uid: EntityUid, entities: readonly Entity[]): Side {
  let above: ReadonlySet<string> | undefined;
  const isIn = (key: string): boolean => {
    above ??= selfAndAncestors(uid, entities);
    return above.has(key);
  };
  return { uid, isIn };
}

/** As far as the question's own entities say: Cedar sees no others either. */
function selfAndAncestors(uid: EntityUid, entities: readonly Entity[]): ReadonlySet<string> {
  const parentsOf = new Map(entities.map((entity) => [uidKey(entity.uid), entity.parents]));
  const found = new Set([uidKey(uid)]);
  for (const key of found) for (const parent of parentsOf.get(key) ?? []) found.add(uidKey(parent)); // grows while it is walked
  return found;
}
