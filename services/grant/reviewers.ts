import type { Directory } from '../../core/access/directory.ts';
import {
  type Attributes,
  type Entity,
  type EntityUid,
  uidKey,
  type Value,
} from '../../core/access/entity.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { type Candidate, Seats } from '../../core/access/seats.ts';
import { curfewAction } from '../../core/policy/schema-shape.ts';
import { curfewContext } from '../../core/policy/curfew-context.ts';
import type { CandidateSource } from '../../core/policy/policy-set.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { factsOf, fillableSteps } from './rights.ts';

/** Counting candidates for a preview stops here: "20 or more". */
export const MOST_COUNTED = 20;

/** The name of a step that not enough people can fill; undefined when the item can be answered. Stops at the first full seating. */
export function unanswerableStep(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): string | undefined {
  const seats = new Seats(item.workflow.steps);
  if (seats.isComplete) return undefined;
  for (const candidate of candidates(replica, request, item, now)) {
    seats.add(candidate);
    if (seats.isComplete) return undefined;
  }
  const { filledBy } = seats.seating();
  return item.workflow.steps.find((step) => (filledBy.get(step.name)?.length ?? 0) < step.seats)?.name;
}

/** How many people could fill each step of the item, each counted up to `MOST_COUNTED`. */
export function countCandidates(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): ReadonlyMap<string, number> {
  const counts = new Map(item.workflow.steps.map((step) => [step.name, 0]));
  for (const { steps } of candidates(replica, request, item, now)) {
    for (const step of steps) counts.set(step, Math.min(MOST_COUNTED, (counts.get(step) ?? 0) + 1));
    if ([...counts.values()].every((count) => count >= MOST_COUNTED)) break;
  }
  return counts;
}

/** The people of the directory who may fill a step of the item, each once. */
function* candidates(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): Iterable<Candidate> {
  const seen = new Set<string>();
  for (const person of possiblePeople(replica, request, item, now)) {
    const key = uidKey(person.uid);
    if (seen.has(key)) continue;
    seen.add(key);
    const steps = fillableSteps(replica, request, item, person.uid, now);
    if (steps.length > 0) yield { person: key, steps };
  }
}

/** Everybody whom a policy of the item's steps could permit, by where those policies look for them. */
function* possiblePeople(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): Iterable<Entity> {
  const { approvals, schema } = replica.engine.policies;
  const steps = item.workflow.steps.map((step) => step.name);
  const sources = approvals
    .filter((approval) => steps.includes(approval.step))
    .flatMap((approval) => approval.candidates);
  const isPerson = (entity: Entity): boolean => schema.personTypes.includes(entity.uid.type);
  for (const source of sources) {
    for (const entity of entitiesOf(source)) if (isPerson(entity)) yield entity;
  }

  function* entitiesOf(source: CandidateSource): Iterable<Entity> {
    if (source.kind === 'everyone') return yield* replica.directory.all();
    const uids = source.kind === 'entity' ? [source.uid] : uidsAt(source.root, source.path);
    for (const uid of uids) yield* withDescendants(replica.directory, uid);
  }

  function uidsAt(root: 'resource' | 'context', path: readonly string[]): readonly EntityUid[] {
    if (root === 'resource') return follow(replica.directory, { kind: 'entity', uid: item.resource }, path);
    const action = curfewAction(schema, 'approve');
    if (action === undefined) return [];
    const context = curfewContext({ shape: schema, action, now, request: factsOf(request, item) });
    return follow(replica.directory, { kind: 'record', fields: context }, path);
  }
}

function* withDescendants(directory: Directory, uid: EntityUid): Iterable<Entity> {
  const entity = directory.get(uid);
  if (entity !== undefined) yield entity;
  yield* directory.descendants(uid);
}

/** The entities that a path of attributes leads to, through references and records; all of a set. */
function follow(directory: Directory, from: Value, path: readonly string[]): readonly EntityUid[] {
  const [name, ...rest] = path;
  if (from.kind === 'set') return from.values.flatMap((value) => follow(directory, value, path));
  if (name === undefined) return from.kind === 'entity' ? [from.uid] : [];
  const next = fieldsOf(directory, from)?.get(name);
  return next === undefined ? [] : follow(directory, next, rest);
}

function fieldsOf(directory: Directory, value: Value): Attributes | undefined {
  if (value.kind === 'record') return value.fields;
  return value.kind === 'entity' ? directory.get(value.uid)?.attributes : undefined;
}
