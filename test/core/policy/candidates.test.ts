import { describe, expect, test } from 'vitest';
import type { CandidateSource } from '../../../core/policy/policy-set.ts';
import { entity } from './questions.ts';
import { examined, sampleFiles } from './sample.ts';

const EVERYONE: CandidateSource = { kind: 'everyone' };
const below = (uid: string): CandidateSource => ({ kind: 'entity', uid: entity(uid) });
const owners: CandidateSource = { kind: 'path', root: 'resource', path: ['owners'] };
const requester: CandidateSource = { kind: 'path', root: 'context', path: ['request', 'requester'] };

function sources(principal: string, conditions: string): readonly CandidateSource[] {
  const text = `@id("a") @step("s") permit (${principal}, action == Curfew::Action::"approve", resource is Database) ${conditions};`;
  return examined(sampleFiles({ 'workflows/workflows.cedar': text })).approvals[0]?.candidates ?? [];
}

describe('where people who can fill a step are looked for', () => {
  test.each<[string, string, readonly CandidateSource[]]>([
    ['principal', '', [EVERYONE]],
    ['principal is User', '', [EVERYONE]],
    ['principal in Group::"security"', '', [below('Group::"security"')]],
    ['principal is User in Group::"security"', '', [below('Group::"security"')]],
    ['principal == User::"ada"', '', [below('User::"ada"')]],
    ['principal', 'when { principal in resource.owners }', [owners]],
    ['principal', 'when { resource.owners.contains(principal) }', [owners]],
    ['principal', 'when { resource.classification == "pii" && principal in resource.owners }', [owners]],
    [
      'principal',
      'when { resource.classification == "pii" } when { principal in resource.owners }',
      [owners],
    ],
    [
      'principal',
      'when { principal in [Group::"a", Group::"b"] }',
      [below('Group::"a"'), below('Group::"b"')],
    ],
    [
      'principal',
      'when { principal in Group::"a" || principal in resource.owners }',
      [below('Group::"a"'), owners],
    ],
    ['principal', 'when { principal is User in Group::"a" }', [below('Group::"a"')]],
    [
      'principal',
      'when { context.request has requester && context.request.requester == principal }',
      [requester],
    ],
    [
      'principal',
      'when { if resource.classification == "pii" then principal in Group::"a" else principal in resource.owners }',
      [below('Group::"a"'), owners],
    ],
  ])('%s … %s', (principal, conditions, wanted) => {
    expect(sources(principal, conditions)).toEqual(wanted);
  });

  test('of a group and an attribute of the resource the attribute is taken: it names fewer', () => {
    expect(sources('principal in Group::"a"', 'when { principal in resource.owners }')).toEqual([owners]);
    expect(sources('principal', 'when { principal in resource.owners && principal in Group::"a" }')).toEqual([
      owners,
    ]);
  });

  test.each([
    'unless { principal in Group::"a" }',
    'when { !(principal in Group::"a") }',
    'when { principal in Group::"a" || resource.classification == "pii" }',
    'when { principal has manager && principal.manager in Group::"a" }',
    'when { principal.level > 3 }',
    'when { if principal in Group::"a" then true else resource.classification == "pii" }',
    'when { principal != User::"ada" }',
  ])('what bounds nobody leaves everyone: %s', (conditions) => {
    expect(sources('principal is User', conditions)).toEqual([EVERYONE]);
  });
});
