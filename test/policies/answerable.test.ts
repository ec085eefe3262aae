import { beforeAll, expect, test } from 'vitest';
import { Directory } from '../../core/access/directory.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { parseEntities } from '../../core/access/entity-json.ts';
import { type Candidate, seat } from '../../core/access/seats.ts';
import type { Workflow } from '../../core/access/workflow.ts';
import { curfewContext, type RequestFacts } from '../../core/policy/curfew-context.ts';
import { createEngine, type Engine } from '../../core/policy/engine.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import { stepsOf, workflowsOf } from '../../core/policy/policy-set.ts';
import { curfewAction, grantTakingActions } from '../../core/policy/schema-shape.ts';
import { load, readDomain } from './domain.ts';

const NOW = new Date('2026-06-01T09:00:00Z');
const TICKETS = [undefined, 'INC-9'];

let engine: Engine;
let directory: Directory;

beforeAll(async () => {
  const example = await readDomain('../../policies');
  const loaded = await load(example);
  if (!loaded.ok) throw new Error(loaded.problems.map((problem) => problem.message).join('\n'));
  engine = createEngine(loaded.policies);
  directory = new Directory();
  for (const entity of parseEntities(example.directory)) directory.apply(entity);
});

test('the directory can answer every request that the example lets in, but one for want of a manager', () => {
  const answerable = new Map<string, boolean>();
  for (const asked of everyRequest()) {
    for (const workflow of workflowsFor(asked)) {
      const name = `${workflow.id}: ${asked.request.subject.id} on ${asked.resource.id}`;
      if (!answerable.has(name)) answerable.set(name, canBeAnswered(asked, workflow));
    }
  }
  const names = [...answerable.keys()];
  expect(names.filter((name) => answerable.get(name) === false)).toEqual([
    'pii-reads: katherine on customers',
  ]);
  expect(new Set(names.map((name) => name.split(':')[0]))).toEqual(
    new Set(engine.policies.requestWorkflows.map((workflow) => workflow.id)),
  );
});

interface Asked {
  readonly resource: EntityUid;
  readonly request: RequestFacts;
}

/** Each person and service asks for themself, for each action on each resource, with each kind of ticket. */
function* everyRequest(): Iterable<Asked> {
  const { schema } = engine.policies;
  for (const { uid: subject } of directory.all()) {
    if (![...schema.personTypes, ...schema.serviceTypes].includes(subject.type)) continue;
    for (const { uid: resource } of directory.all()) {
      for (const { uid: action } of grantTakingActions(schema)) {
        for (const ticket of TICKETS)
          for (const breakGlass of [false, true])
            yield { resource, request: { ...facts(subject, action.id, ticket), breakGlass } };
      }
    }
  }
}

function facts(subject: EntityUid, action: string, ticket: string | undefined): RequestFacts {
  return {
    id: 'a-request',
    requester: subject,
    subject,
    actions: [action],
    reason: 'a reason',
    ...(ticket === undefined ? {} : { ticket }),
    durationMs: 60_000,
    breakGlass: false,
    extension: 0n,
  };
}

function workflowsFor({ resource, request }: Asked): readonly Workflow[] {
  return workflowsOf(engine.policies, permitting('request', request.subject, { resource, request }), request);
}

/** Asks everybody, and so proves more than the service, which looks only where the policies point. */
function canBeAnswered(asked: Asked, workflow: Workflow): boolean {
  return seat(workflow.steps, candidates(asked)).isComplete;
}

/** Person by person, so that seating stops when it is complete. */
function* candidates(asked: Asked): Iterable<Candidate> {
  for (const { uid: person } of directory.all()) {
    const isPerson = engine.policies.schema.personTypes.includes(person.type);
    if (!isPerson || sameUid(person, asked.request.subject)) continue;
    const steps = stepsOf(engine.policies, permitting('approve', person, asked));
    yield { person: formatUid(person), steps };
  }
}

/** The policies that permit it; none when it is denied. */
function permitting(id: string, principal: EntityUid, { resource, request }: Asked): readonly string[] {
  const shape = engine.policies.schema;
  const action = curfewAction(shape, id);
  if (action === undefined) throw new Error(`the example declares no ${id}`);
  if (!action.principalTypes.includes(principal.type) || !action.resourceTypes.includes(resource.type))
    return [];
  const context = curfewContext({ shape, action, now: NOW, request });
  const roots = { principal, resource, context };
  const entities = entitiesFor(engine.policies, 'workflows', roots, (uid) => directory.get(uid));
  const evaluation = engine.evaluate('workflows', { ...roots, action: action.uid, entities });
  if (evaluation.errors.length > 0) throw new Error(JSON.stringify(evaluation));
  return evaluation.decision === 'allow' ? evaluation.policyIds : [];
}
