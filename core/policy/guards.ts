import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUid } from '../access/entity.ts';
import { field, literalUid, operation } from './entity-paths.ts';
import type { EntityScope, Guard } from './policy-set.ts';

/**
 * What the beginning of a policy's conditions asks that the question itself answers: kinds, ancestors and identity of principal and
 * resource, and what the context has. Cedar evaluates conditions, `when` and `unless` alike,
 * from left to right and stops at the first that does not hold, and none of
 * these can err: where a guard fails, the policy neither applies nor errs. What comes after anything else is no guard, for what comes
 * before it may err.
 */
export function guardsOf({ conditions }: Pick<PolicyJson, 'conditions'>): Guards {
  const found: Guard[] = [];
  const isAll = conditions.every(({ kind, body }) => collect(body, kind === 'when', found));
  return { guards: found, isGuardsOnly: isAll };
}

/** What conditions begin with, and whether that is all that they ask: the policy then applies wherever each guard holds. */
export interface Guards {
  readonly guards: readonly Guard[];
  readonly isGuardsOnly: boolean;
}

/** Adds the guards that an expression begins with, when it must come out as `wanted`; says whether it is nothing but guards. */
function collect(expression: unknown, wanted: boolean, found: Guard[]): boolean {
  const [operator, body] = operation(expression);
  if (operator === '!') return collect(field(body, 'arg'), !wanted, found);
  // `a && b` must be true in both parts, and `a || b` false in both
  if (operator === (wanted ? '&&' : '||')) {
    return collect(field(body, 'left'), wanted, found) && collect(field(body, 'right'), wanted, found);
  }
  const guard = guardOf(operator, body, wanted);
  if (guard === undefined) return false;
  found.push(guard);
  return true;
}

function guardOf(operator: string, body: unknown, holds: boolean): Guard | undefined {
  const variable = variableOf(field(body, 'left'));
  if (operator === 'has' && variable === 'context') {
    const attribute = field(body, 'attr');
    return typeof attribute === 'string' ? { about: 'context', attribute, holds } : undefined;
  }
  if (variable !== 'principal' && variable !== 'resource') return undefined;
  const scope = scopeOf(operator, body);
  return scope === undefined ? undefined : { about: variable, scope, holds };
}

function variableOf(expression: unknown): unknown {
  const [operator, name] = operation(expression);
  return operator === 'Var' ? name : undefined;
}

/** The expression as a head would say it. */
function scopeOf(operator: string, body: unknown): EntityScope | undefined {
  if (operator === 'is') {
    const type = String(field(body, 'entity_type'));
    const container = field(body, 'in');
    if (container === undefined) return { kind: 'is', type };
    const uid = entityLiteral(container);
    return uid === undefined ? undefined : { kind: 'isIn', type, uid };
  }
  if (operator !== '==' && operator !== 'in') return undefined;
  const uid = entityLiteral(field(body, 'right'));
  return uid === undefined ? undefined : { kind: operator === 'in' ? 'in' : 'equals', uid };
}

function entityLiteral(expression: unknown): EntityUid | undefined {
  const [operator, value] = operation(expression);
  return operator === 'Value' ? literalUid(value) : undefined;
}
