import type { Directory } from '../../core/access/directory.ts';
import {
  type Attributes,
  type Entity,
  type EntityUid,
  uidKey,
  type Value,
} from '../../core/access/entity.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { personOf } from '../../core/access/person.ts';
import { type Candidate, Seats } from '../../core/access/seats.ts';
import { seatCount } from '../../core/access/workflow.ts';
import { curfewAction } from '../../core/policy/schema-shape.ts';
import { curfewContext } from '../../core/policy/curfew-context.ts';
import type { CandidateSource } from '../../core/policy/policy-set.ts';
import type { Rules } from '../../core/replica/rights.ts';
import { takeTurns } from './give-way.ts';
import { factsOf, fillableSteps } from './rights.ts';

/** Counting candidates for a preview stops here: "20 or more". */
const MOST_COUNTED = 20;

/** Examining a person asks the policies: a preview does it for so many at most, over all items. */
const MOST_EXAMINED = 2_000;

/** How a search among the people of the directory goes. */
export interface Search {
  readonly now: Date;
  readonly signal: AbortSignal | undefined;
  /** How many more people may be examined, shared by searches that belong together. */
  readonly budget: { left: number };
}

/** A search for whoever submits: it must be certain. */
export function wholeSearch(now: Date, signal?: AbortSignal): Search {
  return { now, signal, budget: { left: Number.POSITIVE_INFINITY } };
}

/** A search for whoever only looks. */
export function boundedSearch(now: Date, signal?: AbortSignal): Search {
  return { now, signal, budget: { left: MOST_EXAMINED } };
}

/**
 * The name of a step that not enough people can fill; undefined when the item can be answered, or the search's budget ends before that
 * is known. Stops at the first full seating; gives way to other calls.
 */
export async function unanswerableStep(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  search: Search,
): Promise<string | undefined> {
  const seats = new Seats(item.workflow.steps);
  if (seats.isComplete) return undefined;
  const seating = { ...search, isOpen: () => true };
  for await (const candidate of candidates(rules, request, item, seating)) {
    seats.add(candidate);
    if (seats.isComplete) return undefined;
  }
  if (search.budget.left <= 0) return undefined;
  return unfilledStep(item, seats);
}

/** What a preview tells of the people who could answer an item. */
export interface Survey {
  /** Who could fill each step, at most `MOST_COUNTED`, and at least so many when the search's budget ends. */
  readonly people: ReadonlyMap<string, readonly EntityUid[]>;
  /** A step that not enough people can fill; undefined as well when the search's budget ends before that is known. */
  readonly unanswerable: string | undefined;
}

/** Finds people for every step of the item. Nobody is examined for a step that has enough. Gives way to other calls. */
export async function surveyReviewers(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  search: Search,
): Promise<Survey> {
  const { steps } = item.workflow;
  const people = new Map(steps.map((step): [string, EntityUid[]] => [step.name, []]));
  const seats = new Seats(steps);
  // With as many as there are seats altogether, whoever else is seated leaves somebody for each seat of the step.
  const enough = Math.max(MOST_COUNTED, seatCount(item.workflow));
  const isOpen = (step: string): boolean => (people.get(step)?.length ?? enough) < enough;
  for await (const candidate of candidates(rules, request, item, { ...search, isOpen })) {
    seats.add(candidate);
    for (const step of candidate.steps) people.get(step)?.push(candidate.account);
    if (![...people.keys()].some(isOpen)) break;
  }
  const shown = new Map(Array.from(people, ([step, found]) => [step, found.slice(0, MOST_COUNTED)]));
  const isKnown = !seats.isComplete && search.budget.left > 0;
  return { people: shown, unanswerable: isKnown ? unfilledStep(item, seats) : undefined };
}

/** A step with a seat that stays empty. */
function unfilledStep(item: RequestItem, seats: Seats): string | undefined {
  const { filledBy } = seats.seating();
  return item.workflow.steps.find((step) => (filledBy.get(step.name)?.length ?? 0) < step.seats)?.name;
}

/** A candidate by the account that may answer. */
interface Reviewer extends Candidate {
  readonly account: EntityUid;
}

interface StepSearch extends Search {
  /** Whether people are still looked for who fill the step. */
  readonly isOpen: (step: string) => boolean;
}

/** The people of the directory who may fill a step of the item, each once. */
async function* candidates(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  search: StepSearch,
): AsyncIterable<Reviewer> {
  const { budget, now } = search;
  const giveWay = takeTurns();
  const seen = new Set<string>();
  for (const entity of possiblePeople(rules, request, item, search)) {
    await giveWay(search.signal);
    const key = uidKey(entity.uid);
    if (seen.has(key) || !rules.engine.policies.schema.personTypes.includes(entity.uid.type)) continue;
    if (budget.left <= 0) return;
    seen.add(key);
    budget.left -= 1;
    const steps = fillableSteps(rules, request, item, { reviewer: entity.uid }, now);
    if (steps.length > 0) yield { person: personOf(rules.directory, entity.uid), account: entity.uid, steps };
  }
}

/** Everybody whom a policy of the item's open steps could permit, and what else is where those policies look for them. */
function* possiblePeople(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  { now, isOpen }: StepSearch,
): Iterable<Entity> {
  const { approvals, schema } = rules.engine.policies;
  const steps = item.workflow.steps.map((step) => step.name);
  for (const { step, candidates: sources } of approvals.filter((approval) => steps.includes(approval.step))) {
    for (const source of sources) {
      for (const entity of entitiesOf(source)) {
        if (!isOpen(step)) break;
        yield entity;
      }
    }
  }

  function* entitiesOf(source: CandidateSource): Iterable<Entity> {
    if (source.kind === 'everyone') return yield* rules.directory.all();
    const uids = source.kind === 'entity' ? [source.uid] : uidsAt(source.root, source.path);
    for (const uid of uids) yield* withDescendants(rules.directory, uid);
  }

  function uidsAt(root: 'resource' | 'context', path: readonly string[]): readonly EntityUid[] {
    if (root === 'resource') return follow(rules.directory, { kind: 'entity', uid: item.resource }, path);
    const action = curfewAction(schema, 'approve');
    if (action === undefined) return [];
    const context = curfewContext({ shape: schema, action, now, request: factsOf(request, item) });
    return follow(rules.directory, { kind: 'record', fields: context }, path);
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
