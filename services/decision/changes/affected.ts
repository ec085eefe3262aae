import type { Directory } from '../../../core/access/directory.ts';
import { uidKey } from '../../../core/access/entity.ts';
import type { EntityPath } from '../../../core/policy/entity-paths.ts';
import type { Phase, PolicySet } from '../../../core/policy/policy-set.ts';
import { NAMED_BY_CHANGE } from '../limits.ts';
import type { AskedForOthers } from './asked-for-others.ts';
import type { Read, References } from './references.ts';

/** What ties entities together. */
export interface Ties {
  readonly directory: Directory;
  readonly references: References;
  readonly askedForOthers: AskedForOthers;
}

const PHASES: readonly Phase[] = ['access', 'workflows'];

/**
 * Keys of all that a question must name for its answer to be another after these entities were changed, whatever they were before:
 * the entities and what is inside of them; what policies reach them from by attributes and tags, and what is inside of that, for a
 * grant on a container covers it; and whoever holds a grant that one of those asked for. Undefined when these are too many, or when a
 * policy reaches one from an entity that it names itself, so that any question may.
 */
export function affectedBy(
  changed: Iterable<string>,
  policies: PolicySet,
  ties: Ties,
): ReadonlySet<string> | undefined {
  const { directory, askedForOthers } = ties;
  const inside = directory.selfAndDescendants(changed, NAMED_BY_CHANGE);
  const reaching = inside === undefined ? undefined : reachingTo(inside, policies, ties.references);
  const affected =
    reaching === undefined ? undefined : directory.selfAndDescendants(reaching, NAMED_BY_CHANGE);
  if (affected === undefined || literalRoots(policies).some((key) => affected.has(key))) return undefined;
  const all = new Set(affected);
  for (const requester of affected) {
    for (const holder of askedForOthers.holders(requester)) all.add(uidKey(holder));
    if (all.size > NAMED_BY_CHANGE) return undefined;
  }
  return all;
}

/** The entities themselves, and those that refer to them in as many steps as policies take. */
function reachingTo(
  targets: ReadonlySet<string>,
  policies: PolicySet,
  references: References,
): ReadonlySet<string> | undefined {
  const { steps, read } = readingOf(policies);
  const found = new Set(targets);
  let reached: Iterable<string> = targets;
  for (let step = 0; step < steps; step += 1) {
    const next: string[] = [];
    for (const target of reached) {
      for (const source of references.to(target, read)) {
        if (found.has(source)) continue;
        found.add(source);
        next.push(source);
        if (found.size > NAMED_BY_CHANGE) return undefined;
      }
    }
    reached = next;
  }
  return found;
}

interface Reading {
  /** From one entity to the next, at most. */
  readonly steps: number;
  readonly read: Read;
}

const known = new WeakMap<PolicySet, Reading>();

function readingOf(policies: PolicySet): Reading {
  const found = known.get(policies) ?? workOut(policies);
  known.set(policies, found);
  return found;
}

function workOut(policies: PolicySet): Reading {
  const paths = pathsOf(policies);
  const steps = paths.map((path) => path.steps.length);
  const names = new Set(PHASES.flatMap((phase) => [...policies.attributesRead[phase]]));
  const tags = paths.some((path) => path.steps.some(({ kind }) => kind === 'tag'));
  return { steps: Math.max(0, ...steps), read: { names, tags } };
}

function literalRoots(policies: PolicySet): readonly string[] {
  return pathsOf(policies).flatMap(({ root }) => (typeof root === 'string' ? [] : [uidKey(root)]));
}

function pathsOf({ entityPaths }: PolicySet): readonly EntityPath[] {
  return PHASES.flatMap((phase) => entityPaths[phase]);
}
