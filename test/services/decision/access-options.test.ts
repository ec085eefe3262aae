import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { type LocalDecision, localDecision } from './local-decision.ts';
import {
  action,
  attributes,
  bool,
  entity,
  goodContext,
  long,
  person,
  ref,
  robot,
  sheet,
  site,
  vault,
} from './people.ts';
import { policyFiles } from './policy-files.ts';

let files: PolicyFiles;
let local: LocalDecision;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files);
});

const explained = (principal: EntityUid, resource = vault('plain')) =>
  local.ask({ principal, resource, explain: true }).accessOptions;

const workflows = (...asked: Parameters<typeof explained>): readonly string[] =>
  explained(...asked).map((option) => option.workflow);

it('lists the workflows that would let the principal in, with their terms', () => {
  expect(explained(person('otto'))).toEqual([
    {
      workflow: 'open-at-length',
      title: 'open-at-length',
      steps: ['keeper:2', 'chief'],
      maxMs: 8 * 3_600_000,
      defaultMs: 2 * 3_600_000,
    },
  ]);
});

it('asks each workflow with its own default duration, the one to be used first coming first', () => {
  expect(explained(person('gus'))).toMatchObject([
    { workflow: 'open-at-length', steps: ['keeper:2', 'chief'] },
    { workflow: 'open-quickly', title: 'Open a vault for a moment', steps: [], defaultMs: 600_000 },
  ]);
});

it('leaves out what the resource does not let in', () => {
  expect(workflows(person('gus'), vault('secret'))).toEqual(['open-at-length']);
});

it('leaves out a workflow of lower rank where a higher one would be used', () => {
  expect(workflows(person('cem'))).toEqual(['open-as-chief']);
});

it.each([
  ['a service that no workflow lets in', robot('stray'), vault('plain')],
  ['a person that nobody knows', person('nobody'), vault('plain')],
  ['a resource that nobody knows', person('otto'), vault('none')],
])('lists none for %s', (_title, principal, resource) => {
  expect(workflows(principal, resource)).toEqual([]);
});

it('lists none for an action that takes no grants', () => {
  for (const resource of [vault('plain'), site('main')]) {
    const look = { principal: person('otto'), action: action('look'), context: attributes({}), resource };
    expect(local.ask({ ...look, explain: true })).toMatchObject({ effect: 'DENY', accessOptions: [] });
  }
});

it('lists none for a document, which the directory does not hold and nobody can ask for', () => {
  const sent = entity(sheet('s'), [vault('plain')], { author: ref(person('kim')), pages: long(1n) });
  const read = { principal: person('otto'), action: action('read'), resource: sheet('s') };
  const answer = local.ask({ ...read, context: attributes({}), entities: [sent], explain: true });
  expect(answer).toMatchObject({ effect: 'DENY', accessOptions: [] });
});

it('lists none when the question is allowed, and none without explain', () => {
  expect(explained(person('kim'))).toEqual([]);
  expect(local.ask({ principal: person('otto') }).accessOptions).toEqual([]);
});

it('lists ways past what a guardrail forbids as well: they are ways to a grant, not around the guardrail', () => {
  const context = attributes({ ...goodContext, mfa: bool(false) });
  const answer = local.ask({ principal: person('otto'), resource: vault('secret'), context, explain: true });
  expect(answer.advice).toEqual(['sign in with MFA']);
  expect(answer.accessOptions.map((option) => option.workflow)).toEqual(['open-at-length']);
});

it('lists none when a forbid stops requests', async () => {
  await local.activate(
    await policyFiles({
      'workflows/frozen.cedar':
        '@id("frozen") forbid (principal, action == Curfew::Action::"request", resource);',
    }),
  );
  expect(workflows(person('otto'))).toEqual([]);
});
