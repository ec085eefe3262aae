import type { Issuer } from './issuer.ts';

/**
 * Two issuers of which one could speak for callers of the other: both may name entities of one type, and neither is said to know the same
 * callers by the same ids. Undefined when each subject is a caller of its own (RFC 7519 §4.1.2: unique within its issuer only).
 */
export function overlappingIssuers(issuers: readonly Issuer[]): string | undefined {
  for (const [index, one] of issuers.entries()) {
    for (const other of issuers.slice(index + 1)) {
      const types = sharedTypes(one, other);
      if (types.length > 0 && !isSaid(one, other) && !isSaid(other, one)) {
        return (
          `${one.issuer} and ${other.issuer} may both name entities of ${types.join(', ')}: one could speak for callers of the other; ` +
          `give them types that differ (entityType, or entityTypes beside typeClaim), or write "sharesEntitiesWith": ["${one.issuer}"] ` +
          `at ${other.issuer} when both know the same callers by the same ids`
        );
      }
    }
  }
  return undefined;
}

function isSaid({ sharesEntitiesWith = [] }: Issuer, { issuer }: Issuer): boolean {
  return sharesEntitiesWith.includes(issuer);
}

/** What both may name; an issuer that is not held to types may name any. */
function sharedTypes(one: Issuer, other: Issuer): readonly string[] {
  const [types, others] = [typesOf(one), typesOf(other)];
  if (types === undefined || others === undefined) {
    return types ?? others ?? ['any type'];
  }
  return types.filter((type) => others.includes(type));
}

function typesOf({ typeClaim, entityType, entityTypes }: Issuer): readonly string[] | undefined {
  const fixed = entityType === undefined ? [] : [entityType];
  if (typeClaim === undefined) {
    return entityType === undefined ? undefined : fixed;
  }
  return entityTypes === undefined ? undefined : [...new Set([...entityTypes, ...fixed])];
}
