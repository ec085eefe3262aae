import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { attributesRead, children, field, literalUid, operation } from './entity-paths.ts';

/** What conditions ask of entities beyond what they are called. What they do not look at cannot change what they say. */
export interface EntityReads {
  readonly principal: boolean;
  readonly action: boolean;
  readonly resource: boolean;
  /** Any that attributes, tags, the context or the policy itself lead to, which may be one of these three. */
  readonly others: boolean;
  /** Names of the attributes read of any of them. */
  readonly attributes: ReadonlySet<string>;
  readonly ancestors: boolean;
  readonly tags: boolean;
  /** Those of the three whose own uid is looked at: compared, put into a set, asked for its groups. Of the others only the type is known. */
  readonly identities: ReadonlySet<Variable>;
}

type Variable = 'principal' | 'action' | 'resource';
type Root = 'principal' | 'action' | 'resource' | 'others';

export const READS_NO_ENTITY: EntityReads = {
  principal: false,
  action: false,
  resource: false,
  others: false,
  attributes: new Set(),
  ancestors: false,
  tags: false,
  identities: new Set(),
};

/**
 * What a policy's conditions read; what its head asks is left out.
 * @param records the fields of the context that are records for sure, and so no entities
 */
export function entityReads(
  { conditions }: Pick<PolicyJson, 'conditions'>,
  records: readonly string[],
): EntityReads {
  const found: Found = {
    records,
    roots: new Set(),
    identities: new Set(),
    ancestors: false,
    tags: false,
  };
  for (const { body } of conditions) walk(body, found);
  const { roots, identities, ancestors, tags } = found;
  return {
    principal: roots.has('principal'),
    action: roots.has('action'),
    resource: roots.has('resource'),
    others: roots.has('others'),
    attributes: attributesRead([{ conditions }]),
    ancestors,
    tags,
    identities,
  };
}

/** Both of what is read. */
export function bothRead(a: EntityReads, b: EntityReads): EntityReads {
  return {
    principal: a.principal || b.principal,
    action: a.action || b.action,
    resource: a.resource || b.resource,
    others: a.others || b.others,
    attributes: new Set([...a.attributes, ...b.attributes]),
    ancestors: a.ancestors || b.ancestors,
    tags: a.tags || b.tags,
    identities: new Set([...a.identities, ...b.identities]),
  };
}

interface Found {
  readonly records: readonly string[];
  readonly roots: Set<Root>;
  readonly identities: Set<Variable>;
  ancestors: boolean;
  tags: boolean;
}

/** Notes every entity that the expression looks into, at any depth. */
function walk(expression: unknown, found: Found): void {
  const [operator, body] = operation(expression);
  let operands = children(body);
  switch (operator) {
    case 'Var':
      if (isVariable(body)) found.identities.add(body);
      break;
    case '.':
    case 'has':
    case 'getTag':
    case 'hasTag':
      found.tags ||= operator === 'getTag' || operator === 'hasTag';
      lookInto(field(body, 'left'), found);
      // An attribute says nothing of what its entity is called.
      if (operation(field(body, 'left'))[0] === 'Var') operands = [field(body, 'right')];
      // `has a.b` looks into what a is
      if (Array.isArray(field(body, 'attr'))) found.roots.add('others');
      break;
    case 'in':
      found.ancestors = true;
      lookInto(field(body, 'left'), found);
      break;
    case 'is':
      if (field(body, 'in') === undefined) break;
      found.ancestors = true;
      lookInto(field(body, 'left'), found);
      break;
    default:
  }
  for (const child of operands) walk(child, found);
}

function isVariable(body: unknown): body is Variable {
  return body === 'principal' || body === 'action' || body === 'resource';
}

function lookInto(expression: unknown, { roots, records }: Found): void {
  for (const root of rootsOf(expression, records)) roots.add(root);
}

/** The entities that the expression may be; of the context, which is a record, none. */
function rootsOf(expression: unknown, records: readonly string[]): readonly Root[] {
  const [operator, body] = operation(expression);
  switch (operator) {
    case 'Var':
      return isVariable(body) ? [body] : [];
    case 'Value':
      return literalUid(body) === undefined ? [] : ['others'];
    case '.':
      return isOfContext(body, records) ? [] : ['others'];
    default:
      return ['others'];
  }
}

/** Whether it is `context.grant`, or another of the fields. */
function isOfContext(access: unknown, fields: readonly string[]): boolean {
  const [operator, name] = operation(field(access, 'left'));
  return operator === 'Var' && name === 'context' && fields.some((it) => it === field(access, 'attr'));
}
