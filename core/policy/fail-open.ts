import { newCedarInstance } from './cedar-instance.ts';
import type { PolicySet, PolicySource } from './policy-set.ts';
import type { Problem } from './problem.ts';

/**
 * Forbids that stop forbidding when an optional attribute is left out: `forbid … when { context has mfa && !context.mfa }` does
 * nothing to whoever sends no `mfa`. What Curfew itself supplies cannot be left out. Not errors: where an attribute tells kinds of
 * things apart it may be meant.
 *
 * @param policies a set that `loadPolicies` passed
 */
export function findFailOpen(policies: PolicySet): readonly Problem[] {
  const cedar = newCedarInstance();
  return [...policies.access, ...policies.workflows]
    .filter((policy) => policy.effect === 'forbid')
    .flatMap((policy) => {
      const answer = cedar.policyToJson(policy.text);
      return answer.type === 'failure' ? [] : problemsOf(policy, answer.json.conditions);
    });
}

interface Condition {
  readonly kind: 'when' | 'unless';
  readonly body: unknown;
}

function problemsOf(policy: PolicySource, conditions: readonly Condition[]): readonly Problem[] {
  const open = conditions.flatMap(({ kind, body }) =>
    openChecks(body, kind === 'when' ? 'applies' : 'spares'),
  );
  return [...new Set(open)].map((check) => ({
    file: policy.file,
    line: policy.line,
    column: policy.column,
    message: `forbid "${policy.id}" may stop applying where "${check}" does not hold: leaving it out is then a way around`,
    hint: `turn the condition round (unless { ${check} && … }), or make the attribute required in the schema`,
  }));
}

/**
 * What it means for the forbid when an expression becomes false: it `applies` no more, it `spares` no more (and so applies), or
 * `either`, where that cannot be told.
 */
type Part = 'applies' | 'spares' | 'either';

const TURNED: Readonly<Record<Part, Part>> = { applies: 'spares', spares: 'applies', either: 'either' };

/** A node of Cedar's JSON form of expressions: one key, the operator. */
type Node = Readonly<Record<string, unknown>>;

/** The existence checks whose failing may end the forbid. */
function openChecks(expression: unknown, part: Part): readonly string[] {
  if (!isNode(expression)) return [];
  const [operator = '', inner] = Object.entries(expression)[0] ?? [];
  const operands = isNode(inner) ? inner : {};
  switch (operator) {
    case 'has':
      return existenceChecks(
        attributePath(operands),
        `${pathOf(operands['left'])} has ${names(operands)}`,
        part,
      );
    case 'hasTag':
      return existenceChecks(undefined, `${pathOf(operands['left'])}.hasTag(…)`, part);
    case '!':
      return openChecks(operands['arg'], TURNED[part]);
    case '&&':
    case '||':
      return [...openChecks(operands['left'], part), ...openChecks(operands['right'], part)];
    case 'if-then-else':
      return choiceChecks(operands, part);
    default:
      return Object.values(Array.isArray(inner) ? inner : operands).flatMap((operand) =>
        openChecks(operand, 'either'),
      );
  }
}

function existenceChecks(path: string | undefined, check: string, part: Part): readonly string[] {
  const isSupplied = path !== undefined && SUPPLIED.test(path);
  return part === 'spares' || isSupplied ? [] : [check];
}

/** What Curfew says of grants and requests is there when there is anything to say; but a ticket is the requester's choice. */
const SUPPLIED = /^context\.(?:now|(?:grant|request)(?:\.(?!ticket\b).*)?)$/;

/** `if context has mfa then … else true` says by itself what holds when the attribute is missing. */
function choiceChecks(choice: Node, part: Part): readonly string[] {
  const otherwise = isNode(choice['else']) ? choice['else']['Value'] : undefined;
  const isClosed = (part === 'applies' && otherwise === true) || (part === 'spares' && otherwise === false);
  return [
    ...openChecks(choice['if'], isClosed ? 'spares' : 'either'),
    ...openChecks(choice['then'], part),
    ...openChecks(choice['else'], part),
  ];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attributePath(has: Node): string {
  return `${pathOf(has['left'])}.${names(has)}`;
}

/** `has` takes one attribute, or the way to one inside another. */
function names({ attr }: Node): string {
  return Array.isArray(attr) ? attr.join('.') : String(attr);
}

function pathOf(expression: unknown): string {
  if (!isNode(expression)) return '(…)';
  if (typeof expression['Var'] === 'string') return expression['Var'];
  const access = expression['.'];
  return isNode(access) ? `${pathOf(access['left'])}.${names(access)}` : '(…)';
}
