import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { field, literalUid, operation } from './entity-paths.ts';
import type { CandidateSource, EntityScope, PolicySource } from './policy-set.ts';

type Sources = readonly CandidateSource[];

const EVERYONE: Sources = [{ kind: 'everyone' }];

/**
 * Where to look for the people that a permit can permit. An upper bound: whoever satisfies the policy comes from one of the
 * sources; what bounds nobody is `everyone`.
 */
export function candidateSources(policy: PolicySource, json: PolicyJson): Sources {
  let sources = fromScope(policy.principal);
  for (const { kind, body } of json.conditions) if (kind === 'when') sources = narrower(sources, bound(body));
  return sources;
}

function fromScope(scope: EntityScope): Sources {
  return scope.kind === 'any' || scope.kind === 'is' ? EVERYONE : [{ kind: 'entity', uid: scope.uid }];
}

/** Whom the expression can be true for, as the principal. */
function bound(expression: unknown): Sources {
  const [operator, body] = operation(expression);
  const left = field(body, 'left');
  const right = field(body, 'right');
  switch (operator) {
    case '&&':
      return narrower(bound(left), bound(right));
    case '||':
      return joined(bound(left), bound(right));
    case 'if-then-else':
      return joined(bound(field(body, 'then')), bound(field(body, 'else')));
    case '==':
      return isPrincipal(left) ? among(right) : isPrincipal(right) ? among(left) : EVERYONE;
    case 'in':
      return isPrincipal(left) ? among(right) : EVERYONE;
    case 'is':
      return isPrincipal(left) && field(body, 'in') !== undefined ? among(field(body, 'in')) : EVERYONE;
    case 'contains':
      return isPrincipal(right) ? among(left) : EVERYONE;
    default:
      return EVERYONE;
  }
}

/** The entities that an operand of `==`, `in` or `contains` stands for. */
function among(expression: unknown): Sources {
  const [operator, body] = operation(expression);
  if (operator === 'Value') {
    const uid = literalUid(body);
    return uid === undefined ? EVERYONE : [{ kind: 'entity', uid }];
  }
  if (operator === 'Set' && Array.isArray(body)) return body.flatMap(among);
  const path = pathOf(expression);
  return path === undefined ? EVERYONE : [path];
}

function pathOf(expression: unknown): CandidateSource | undefined {
  const names: string[] = [];
  let [operator, body] = operation(expression);
  while (operator === '.') {
    names.unshift(String(field(body, 'attr')));
    [operator, body] = operation(field(body, 'left'));
  }
  if (operator !== 'Var' || (body !== 'resource' && body !== 'context')) return undefined;
  return { kind: 'path', root: body, path: names };
}

function isPrincipal(expression: unknown): boolean {
  const [operator, body] = operation(expression);
  return operator === 'Var' && body === 'principal';
}

function isEveryone(sources: Sources): boolean {
  return sources.some((source) => source.kind === 'everyone');
}

function joined(a: Sources, b: Sources): Sources {
  return isEveryone(a) || isEveryone(b) ? EVERYONE : [...a, ...b];
}

/** Both bound the same people: keep the one that names fewer, which attributes of the question do more than groups. */
function narrower(a: Sources, b: Sources): Sources {
  if (isEveryone(a)) return b;
  if (isEveryone(b)) return a;
  const isExact = (sources: Sources): boolean => sources.every((source) => source.kind === 'path');
  return isExact(b) && !isExact(a) ? b : a;
}
