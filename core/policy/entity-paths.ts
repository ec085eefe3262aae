import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type EntityUid, uidKey } from '../access/entity.ts';

/** One step from a value to a part of it. */
export type PathStep =
  | { readonly kind: 'attribute'; readonly name: string }
  /** Any tag. */
  | { readonly kind: 'tag' };

/** A way along which policies read entities other than principal and resource: `context.request.requester.manager`. */
export interface EntityPath {
  readonly root: 'principal' | 'resource' | 'context' | EntityUid;
  readonly steps: readonly PathStep[];
  /** The entity at the end is asked for its ancestors (`… in Group::"a"`), so it is needed as well as those on the way. */
  readonly needsEnd: boolean;
}

/** The names of all attributes that the policies' conditions read of anything: no other can change a decision. */
export function attributesRead(policies: readonly Pick<PolicyJson, 'conditions'>[]): ReadonlySet<string> {
  const names = new Set<string>();
  const collect = (expression: unknown): void => {
    if (expression === null || typeof expression !== 'object') return;
    const attr = field(field(expression, '.') ?? field(expression, 'has'), 'attr');
    for (const name of Array.isArray(attr) ? attr : [attr]) if (typeof name === 'string') names.add(name);
    for (const child of Object.values(expression)) collect(child);
  };
  for (const policy of policies) collect(policy.conditions);
  return names;
}

/** A path while it is being built; `isLoose` after a record literal, whose own fields are not part of it. */
interface OpenPath {
  readonly root: EntityPath['root'];
  readonly steps: readonly PathStep[];
  readonly isLoose: boolean;
}

/**
 * The ways that the policies' conditions read further entities, each once. Reads of principal, resource and context alone
 * are left out: a question always brings those.
 */
export function entityPaths(policies: readonly PolicyJson[]): readonly EntityPath[] {
  const found = new Map<string, EntityPath>();
  const note = (paths: readonly OpenPath[], needsEnd: boolean): void => {
    for (const { root, steps } of paths) {
      // context is a record and principal and resource always come: the first entity is at least one step away
      const entitySteps = needsEnd ? steps.length : steps.length - 1;
      if (typeof root === 'string' && entitySteps < 1) continue;
      const key = JSON.stringify([typeof root === 'string' ? root : uidKey(root), steps, needsEnd]);
      found.set(key, { root, steps, needsEnd });
    }
  };
  for (const policy of policies) for (const { body } of policy.conditions) visit(body, note);
  return [...found.values()];
}

type Note = (paths: readonly OpenPath[], needsEnd: boolean) => void;

/** Notes what an expression reads; returns the paths that its own value may have. */
function visit(expression: unknown, note: Note): readonly OpenPath[] {
  const [operator, body] = operation(expression);
  const operand = (name: string): readonly OpenPath[] => visit(field(body, name), note);
  switch (operator) {
    case 'Var':
    case 'Value':
      return rootPaths(body);
    case '.':
    case 'has':
    case 'getTag':
    case 'hasTag':
      return visitAccess(operator, body, note);
    case 'in':
      note(operand('left'), true);
      operand('right');
      return [];
    case 'is':
      note(operand('left'), field(body, 'in') !== undefined);
      operand('in');
      return [];
    case 'if-then-else':
      operand('if');
      return [...operand('then'), ...operand('else')];
    case 'Record':
      return children(body).flatMap((child) =>
        visit(child, note).map((path) => ({ ...path, isLoose: true })),
      );
    default:
      for (const child of operator === 'like' ? [field(body, 'left')] : children(body)) visit(child, note);
      return [];
  }
}

function rootPaths(body: unknown): readonly OpenPath[] {
  const root = body === 'principal' || body === 'resource' || body === 'context' ? body : literalUid(body);
  return root === undefined ? [] : [{ root, steps: [], isLoose: false }];
}

/** Reading or testing an attribute (`has a.b` tests two) or a tag. */
function visitAccess(
  operator: '.' | 'has' | 'getTag' | 'hasTag',
  body: unknown,
  note: Note,
): readonly OpenPath[] {
  const isTag = operator === 'getTag' || operator === 'hasTag';
  const attr = field(body, 'attr');
  const steps: readonly PathStep[] = isTag
    ? [{ kind: 'tag' }]
    : (Array.isArray(attr) ? attr : [attr]).map((name) => ({ kind: 'attribute', name: String(name) }));
  let paths = visit(field(body, 'left'), note);
  for (const step of steps) {
    paths = extend(paths, step);
    note(paths, false);
  }
  if (isTag) visit(field(body, 'right'), note);
  return operator === '.' || operator === 'getTag' ? paths : [];
}

/** The one operator of an expression in Cedar's JSON form, and its operands. */
export function operation(expression: unknown): readonly [string, unknown] {
  if (expression === null || typeof expression !== 'object') return ['', undefined];
  return Object.entries(expression)[0] ?? ['', undefined];
}

/** A named operand. */
export function field(body: unknown, name: string): unknown {
  if (body === null || typeof body !== 'object' || !Object.hasOwn(body, name)) return undefined;
  return (body as Record<string, unknown>)[name]; // an object that has it
}

/** The entity that a `Value` is, if it is one. */
export function literalUid(value: unknown): EntityUid | undefined {
  const uid = field(value, '__entity');
  const type = field(uid, 'type');
  const id = field(uid, 'id');
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}

/** The operands, if it has any. */
export function children(body: unknown): readonly unknown[] {
  return body !== null && typeof body === 'object' ? Object.values(body) : [];
}

function extend(paths: readonly OpenPath[], step: PathStep): readonly OpenPath[] {
  return paths.flatMap((path) => [
    { ...path, steps: [...path.steps, step] },
    ...(path.isLoose ? [path] : []),
  ]);
}
