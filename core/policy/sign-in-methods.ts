import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { field, operation } from './entity-paths.ts';

/** The methods that a policy's conditions compare `context.auth.methods` with, each once. */
export function signInMethodsNamed({ conditions }: Pick<PolicyJson, 'conditions'>): readonly string[] {
  const named = new Set<string>();
  const visit = (expression: unknown): void => {
    if (expression === null || typeof expression !== 'object') return;
    const [, body] = operation(expression);
    const [left, right] = [field(body, 'left'), field(body, 'right')];
    if (isMethods(left)) for (const method of literalsOf(right)) named.add(method);
    if (isMethods(right)) for (const method of literalsOf(left)) named.add(method);
    for (const child of Object.values(expression)) visit(child);
  };
  visit(conditions);
  return [...named];
}

/** Whether it is `context.auth.methods`. */
function isMethods(expression: unknown): boolean {
  const auth = ofAttribute(expression, 'methods');
  const [operator, body] = operation(ofAttribute(auth, 'auth'));
  return operator === 'Var' && body === 'context';
}

function ofAttribute(expression: unknown, name: string): unknown {
  const [operator, body] = operation(expression);
  return operator === '.' && field(body, 'attr') === name ? field(body, 'left') : undefined;
}

function literalsOf(expression: unknown): readonly string[] {
  const [operator, body] = operation(expression);
  if (operator === 'Value') return typeof body === 'string' ? [body] : [];
  return operator === 'Set' && Array.isArray(body) ? body.flatMap(literalsOf) : [];
}
