import fc from 'fast-check';
import { condition } from './expressions.ts';

const PRINCIPALS = [
  'principal',
  'principal == User::"a"',
  'principal == User::"nobody"',
  'principal in Group::"a"',
  'principal in Group::"b"',
  'principal in User::"a"',
  'principal is User',
  'principal is Service',
  'principal is User in Group::"c"',
];
const ACTIONS = [
  'action',
  'action == Action::"read"',
  'action == Action::"write"',
  'action in Action::"rw"',
  'action in [Action::"read", Action::"write"]',
  'action in []',
];
const RESOURCES = [
  'resource',
  'resource == Database::"a"',
  'resource in Environment::"a"',
  'resource in Database::"b"',
  'resource is Database',
  'resource is Document',
  'resource is Database in Environment::"b"',
];

/** Up to so many policies, without their ids. */
export function policies(most: number): fc.Arbitrary<readonly string[]> {
  const body = fc
    .tuple(fc.constantFrom('when', 'unless'), condition())
    .map(([kind, text]) => `${kind} { ${text} }`);
  const policy = fc
    .tuple(
      fc.constantFrom('permit', 'forbid'),
      fc.constantFrom(...PRINCIPALS),
      fc.constantFrom(...ACTIONS),
      fc.constantFrom(...RESOURCES),
      fc.array(body, { maxLength: 2 }),
    )
    .map(
      ([effect, principal, action, resource, bodies]) =>
        `${effect} (${principal}, ${action}, ${resource}) ${bodies.join(' ')};`,
    );
  return fc.array(policy, { minLength: 1, maxLength: most });
}

/** With ids by position, as one file. */
export function fileOf(texts: readonly string[]): string {
  return texts.map((text, index) => `@id("p${index}") ${text}`).join('\n');
}
