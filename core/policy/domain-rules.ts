import type { SchemaUnderCheck } from './curfew-namespace.ts';
import type { Problem } from './problem.ts';
import { type ActionShape, domainActions, formatType, isCurfewAction } from './schema-shape.ts';
import { problemAt } from './source-text.ts';

/** Checks what Curfew asks of the domain's own declarations. */
export function checkDomain(schema: SchemaUnderCheck): Problem[] {
  const actions = domainActions(schema.shape);
  return [
    ...checkActionIds(schema, actions),
    ...actions.flatMap((action) => checkContext(schema, action)),
    ...checkCallerTypes(schema),
  ];
}

/** A grant and `context.request.actions` name actions by id alone. */
function checkActionIds(schema: SchemaUnderCheck, actions: readonly ActionShape[]): Problem[] {
  const seen = new Map<string, ActionShape>();
  const problems: Problem[] = [];
  for (const action of actions) {
    const other = seen.get(action.uid.id);
    seen.set(action.uid.id, action);
    if (other === undefined) continue;
    const message = `${nameOf(action)} and ${nameOf(other)} have one id, wanted ids that are unique over all namespaces but Curfew`;
    problems.push(problemAt(schema.source, schema.places.find('action', nameOf(action)), message));
  }
  return problems;
}

function checkContext(schema: SchemaUnderCheck, action: ActionShape): Problem[] {
  const problem = (message: string, ...names: string[]): Problem =>
    problemAt(schema.source, schema.places.find('action', nameOf(action), ...names), message);
  const problems: Problem[] = [];
  if (action.context.has('grant') && !action.takesGrants)
    problems.push(
      problem("`grant` in a context is Curfew's, wanted `grant?: Curfew::Grant`", 'context', 'grant'),
    );
  const now = action.context.get('now')?.type;
  if (now !== undefined && !(now.kind === 'extension' && now.name === 'datetime'))
    problems.push(
      problem(
        `\`now\` in a context is Curfew's, seen ${formatType(now)}, wanted \`now: datetime\``,
        'context',
        'now',
      ),
    );
  if (action.memberOf.some(isCurfewAction))
    problems.push(problem(`${nameOf(action)} is a member of a Curfew action, wanted groups of your own`));
  return problems;
}

/** Whoever sends an entity decides what it says; so it must not say who is who, or what contains what. */
function checkCallerTypes(schema: SchemaUnderCheck): Problem[] {
  const { shape, source, places } = schema;
  const types = [...shape.entityTypes.values()];
  return types
    .filter((type) => type.isCaller)
    .flatMap(({ name }) => {
      const asked = [...shape.actions.values()].find((action) => action.principalTypes.includes(name));
      const member = types.find((type) => type.memberOf.includes(name));
      const isIdentity = shape.personTypes.includes(name) || shape.serviceTypes.includes(name);
      const reasons = [
        ...(asked === undefined ? [] : [`it is a principal of ${nameOf(asked)}`]),
        ...(isIdentity ? ['it is the type of people or services'] : []),
        ...(member === undefined ? [] : [`${member.name} can be a member of it`]),
      ];
      return reasons.map((reason) => {
        const message = `${name} is marked @caller, and ${reason}`;
        return problemAt(
          source,
          places.find('entity', name),
          message,
          'entities that callers send may only be resources at the bottom',
        );
      });
    });
}

function nameOf(action: ActionShape): string {
  return `${action.uid.type}::${action.uid.id}`;
}
