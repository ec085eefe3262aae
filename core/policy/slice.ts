import { type Anchors, createAnchors } from './anchors.ts';
import { type Entity, type EntityUid, sameUid, uidKey } from '../access/entity.ts';
import type { EngineQuestion } from './evaluator.ts';
import type { EntityScope, Guard, PolicySource } from './policy-set.ts';
import { actionAncestors, type SchemaShape } from './schema-shape.ts';

/** Finds the policies whose heads and guards let a question in. */
export type Slicer = (question: EngineQuestion & { readonly entities: readonly Entity[] }) => Matching;

/** Makes a slicer for the policies of one phase. */
export type CreateSlicer = (schema: SchemaShape, policies: readonly PolicySource[]) => Slicer;

export interface Matching {
  /** Those that ask nothing else, and so apply. */
  readonly applying: readonly PolicySource[];
  /** Those whose other conditions Cedar has to evaluate, by position in their set. */
  readonly open: readonly number[];
}

/**
 * Leaves out policies whose head or a guard is false for a question: they can neither decide nor err, so the answer stays the same
 * (Cedar proves it of heads, `PolicySlice.lean`; of guards see `guardsOf`) and its cost follows the policies that can match.
 */
export function createSlicer(schema: SchemaShape, policies: readonly PolicySource[]): Slicer {
  const all = policies.map((policy, index) => ({ policy, index, tests: testsOf(policy) }));
  const aboutAction = (action: EntityUid) =>
    createAnchors(all.filter(({ policy }) => names(schema, policy, action)));
  const byAction = new Map(
    Array.from(schema.actions, ([key, { uid }]): [string, Anchors<Candidate>] => [key, aboutAction(uid)]),
  );
  return (question) => {
    const { action, context, entities } = question;
    // an action that the schema does not know has no groups, and is not worth a list of its own
    const anchors = byAction.get(uidKey(action)) ?? aboutAction(action);
    const parents = parentsIn(entities);
    const principal = sideOf(question.principal, parents);
    const resource = sideOf(question.resource, parents);
    const asked = { principal, resource, context };
    const matching = anchors
      .near({ principal: principal.above, resource: resource.above })
      .filter(({ tests }) => tests.every((test) => test(asked)));
    const applying = matching.filter(({ policy }) => policy.isGuardsOnly).map(({ policy }) => policy);
    const open = matching.filter(({ policy }) => !policy.isGuardsOnly).map(({ index }) => index);
    return { applying, open: open.sort((one, other) => one - other) };
  };
}

interface Candidate {
  readonly policy: PolicySource;
  /** Its position in its set. */
  readonly index: number;
  readonly tests: readonly Test[];
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
  /** Keys of it and of what it is below. */
  readonly above: () => ReadonlySet<string>;
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
      return (asked) => asked[side].uid.type === scope.type && asked[side].above().has(key);
    case 'equals':
      return (asked) => sameUid(asked[side].uid, scope.uid);
    case 'in':
      return (asked) => asked[side].above().has(key);
  }
}

/** Its ancestors are looked up at the first test that needs them. */
function sideOf(uid: EntityUid, parents: Parents): Side {
  let above: ReadonlySet<string> | undefined;
  return { uid, above: () => (above ??= selfAndAncestors(uid, parents)) };
}

/** Keys of the parents of the question's entities, worked out at the first test that needs them. */
type Parents = () => ReadonlyMap<string, readonly string[]>;

function parentsIn(entities: readonly Entity[]): Parents {
  let parents: ReadonlyMap<string, readonly string[]> | undefined;
  return () => (parents ??= new Map(entities.map((entity) => [uidKey(entity.uid), keysOf(entity.parents)])));
}

/** The directory gives the same list to all questions about an entity. */
const keysOfLists = new WeakMap<readonly EntityUid[], readonly string[]>();

function keysOf(uids: readonly EntityUid[]): readonly string[] {
  const known = keysOfLists.get(uids);
  if (known !== undefined) return known;
  const keys = uids.map(uidKey);
  keysOfLists.set(uids, keys);
  return keys;
}

/** As far as the question's own entities say: Cedar sees no others either. */
function selfAndAncestors(uid: EntityUid, parents: Parents): ReadonlySet<string> {
  const parentsOf = parents();
  const found = new Set([uidKey(uid)]);
  for (const key of found) for (const parent of parentsOf.get(key) ?? []) found.add(parent); // grows while it is walked
  return found;
}
