import { expect, test } from 'vitest';
import { parseEntities } from '../../../core/access/entity-json.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { findOverlaps, type Overlaps } from '../../../core/policy/overlaps.ts';
import { ACCESS, SCHEMA } from './sample.ts';

const now = new Date('2026-06-01T09:00:00Z');
const directory = `[
  { "uid": { "type": "Group", "id": "engineering" } },
  { "uid": { "type": "Environment", "id": "prod" } },
  { "uid": { "type": "User", "id": "ada" }, "parents": [{ "type": "Group", "id": "engineering" }],
    "attrs": { "level": 1, "clearances": [], "home": { "city": "x" } } },
  { "uid": { "type": "Database", "id": "orders" }, "parents": [{ "type": "Environment", "id": "prod" }],
    "attrs": { "classification": "internal", "owners": [] } }
]`;

function workflow(id: string, annotations: string, condition: string): string {
  return `@id("${id}") @max("1h") ${annotations}
permit (principal in Group::"engineering", action == Curfew::Action::"request", resource is Database) when { ${condition} };`;
}

const approvals = `@id("owners-approve") @step("owner")
permit (principal is User, action == Curfew::Action::"approve", resource is Database) when { principal in resource.owners };`;

const reads = '["read"].containsAll(context.request.actions)';
const writes = '["write"].containsAll(context.request.actions)';

async function overlapsOf(workflows: readonly string[], maxQuestions?: number): Promise<Overlaps> {
  const files = new Map([
    ['schema.cedarschema', SCHEMA],
    ['access/a.cedar', ACCESS],
    ['workflows/w.cedar', [...workflows, approvals].join('\n')],
  ]);
  const entities = parseEntities(directory);
  const loaded = await loadPolicies(files, { entities });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  return findOverlaps(loaded.policies, {
    entities,
    now,
    ...(maxQuestions === undefined ? {} : { maxQuestions }),
  });
}

test('two workflows of one rank that take the same request are found, with which is used and an example', async () => {
  const overlaps = await overlapsOf([
    workflow('one', '@approvals("owner")', reads),
    workflow('two', '@approvals("owner:2")', reads),
  ]);
  expect(overlaps).toMatchObject({
    isWhole: true,
    pairs: [
      {
        used: { id: 'two' },
        other: { id: 'one' },
        example: { subject: { id: 'ada' }, action: { id: 'read' }, resource: { id: 'orders' } },
      },
    ],
  });
  expect(overlaps.pairs.length).toBe(1);
});

test.each([
  ['take different actions', '', writes],
  ['have different ranks', '@rank("1")', reads],
  ['take different durations', '', `${reads} && context.request.duration > duration("2h")`],
])('two workflows that %s do not overlap', async (_what, annotations, condition) => {
  const overlaps = await overlapsOf([
    workflow('one', '@approvals("owner")', reads),
    workflow('two', `@approvals("owner") ${annotations}`, condition),
  ]);
  expect(overlaps).toEqual({ isWhole: true, pairs: [] });
});

test('what is too much to ask is said to be in part', async () => {
  const overlaps = await overlapsOf([workflow('one', '@approvals("owner")', reads)], 1);
  expect(overlaps).toEqual({ isWhole: false, pairs: [] });
});
