import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EntityReads } from '../../../core/policy/entity-reads.ts';
import { sameAnswers } from './same-answers.ts';
import { examined, sampleFiles } from './sample.ts';

type Looked = 'principal' | 'action' | 'resource' | 'others' | 'ancestors' | 'tags';

function looksAt(head: string, conditions: string): readonly Looked[] {
  const text = `@id("x") permit (${head}) ${conditions};`;
  const { access } = examined(sampleFiles({ 'access/access.cedar': text }));
  const reads = access.find((policy) => policy.id === 'x')?.entityReads;
  return looked.filter((part) => reads?.[part] === true);
}

const looked = [
  'principal',
  'action',
  'resource',
  'others',
  'ancestors',
  'tags',
] satisfies (keyof EntityReads)[];
const READ = 'principal is User, action in Action::"rw", resource is Database';

describe('what conditions look at of entities', () => {
  test.each<readonly [string, string, readonly Looked[]]>([
    ['principal, action == Action::"read", resource', '', []],
    ['principal in Group::"staff", action == Action::"read", resource in Environment::"prod"', '', []],
    ['principal, action in [Action::"read", Action::"write"], resource', 'when { context has grant }', []],
    [READ, 'when { context.level > 3 }', []],
    [READ, 'when { context has grant && context.grant.steps.contains("owner") }', []],
    [READ, 'when { context has peer && context.peer == principal }', []],
    [READ, 'when { principal in Group::"staff" }', ['principal', 'ancestors']],
    [READ, 'when { principal.level > 3 }', ['principal']],
    [READ, 'when { principal has manager }', ['principal']],
    [READ, 'when { principal has manager && principal.manager.level > 3 }', ['principal', 'others']],
    [
      READ,
      'when { principal has manager && principal.manager in Group::"staff" }',
      ['principal', 'others', 'ancestors'],
    ],
    [
      READ,
      'when { resource.hasTag("steward") && resource.getTag("steward") == principal }',
      ['resource', 'tags'],
    ],
    [READ, 'when { action in Action::"rw" && context.level > 3 }', ['action', 'ancestors']],
    [READ, 'when { (if context.level > 3 then principal else User::"ada").level > 3 }', ['others']],
    [READ, 'when { {a: principal}.a.level > 3 }', ['others']],
    [READ, 'when { User::"ada".level > context.level }', ['others']],
    [READ, 'when { context has peer && context.peer.level > 3 }', ['others']],
    [READ, 'when { context has peer.manager }', ['others']],
  ])('(%s) %s: %j', (head, conditions, expected) => {
    expect(looksAt(head, conditions)).toEqual(expected);
  });

  test('is all that is sent, and the answers stay', () => {
    const text = [
      `@id("open") permit (${READ}) when { context.level > 3 };`,
      `@id("self") permit (${READ}) when { principal.level == 5 };`,
      `@id("staff") permit (${READ}) when { context.level < 2 && principal in Group::"staff" };`,
      `@id("there") forbid (${READ}) when { context.level > 1 && resource in Environment::"prod" };`,
      `@id("either") permit (${READ}) when { (if context.level > 3 then principal else User::"ada").level > 3 };`,
      `@id("peer") permit (${READ}) when { context has peer && context.peer.level > 3 };`,
      '@id("mfa") forbid (principal, action in Action::"rw", resource) when { context has mfa && context.level + 1 > 9 };',
      '@id("rw") forbid (principal, action, resource is Database) when { context has mfa && action in Action::"rw" && context.level > 6 };',
    ].join('\n');
    const files = { 'access/access.cedar': text, 'guardrails/guardrails.cedar': '' };
    fc.assert(sameAnswers(examined(sampleFiles(files))), { numRuns: 500 });
  });
});
