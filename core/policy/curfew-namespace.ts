import { suggest } from './closest.ts';
import {
  ACCESS_REQUEST,
  ACTIONS,
  AUTH,
  DATETIME,
  GRANT,
  type SuppliedAction,
  type SuppliedField,
} from './curfew-supplies.ts';
import type { Problem } from './problem.ts';
import type { ResolvedSchema } from './schema-build.ts';
import type { DeclarationKind, SchemaPlaces } from './schema-places.ts';
import {
  type ActionShape,
  type AttributeShape,
  type AttributesShape,
  curfewAction,
  formatType,
  type SchemaShape,
  sameType,
  type TypeShape,
} from './schema-shape.ts';
import { problemAt, type SourceText } from './source-text.ts';

/** A schema that Cedar accepted, with what is needed to point at its lines. */
export interface SchemaUnderCheck {
  readonly shape: SchemaShape;
  readonly json: ResolvedSchema;
  readonly source: SourceText;
  readonly places: SchemaPlaces;
}

/** Compares the schema's `Curfew` namespace with what Curfew supplies: it may lack names, not change or add any. */
export function checkCurfewNamespace(schema: SchemaUnderCheck): Problem[] {
  return [
    ...checkNames(schema),
    ...checkFields(schema, 'Grant', GRANT, schema.shape.grantFields),
    ...checkFields(schema, 'AccessRequest', ACCESS_REQUEST, schema.shape.requestFields),
    ...checkPeople(schema),
    ...Object.entries(ACTIONS).flatMap(([id, supplied]) => {
      const action = curfewAction(schema.shape, id);
      return action === undefined ? [] : checkAction(schema, action, supplied);
    }),
  ];
}

function checkNames(schema: SchemaUnderCheck): Problem[] {
  const { json, places, source } = schema;
  const declared = json['Curfew'];
  const problems: Problem[] = Object.keys(json)
    .filter((namespace) => namespace.startsWith('Curfew::'))
    .map((namespace) => {
      const message = `namespace ${namespace} is Curfew's own, wanted a namespace of yours`;
      return problemAt(source, places.findNamespace(namespace) ?? 0, message);
    });
  const unknown = (kind: DeclarationKind, names: readonly string[], known: readonly string[]): void => {
    for (const name of names.filter((it) => !known.includes(it))) {
      const fullName = kind === 'action' ? `Curfew::Action::${name}` : `Curfew::${name}`;
      const message = `Curfew supplies no ${kind} \`${name}\``;
      problems.push(problemAt(source, places.find(kind, fullName), message, suggest(name, known)));
    }
  };
  unknown('entity', Object.keys(declared?.entityTypes ?? {}), ['System']);
  unknown('type', Object.keys(declared?.commonTypes ?? {}), ['Grant', 'AccessRequest']);
  unknown('action', Object.keys(declared?.actions ?? {}), Object.keys(ACTIONS));
  const system = schema.shape.entityTypes.get('Curfew::System');
  const isPlain =
    system === undefined ||
    (system.attributes.size === 0 &&
      system.tags === undefined &&
      system.memberOf.length === 0 &&
      !system.isCaller &&
      (system.ids?.includes('curfew') ?? true));
  if (!isPlain)
    problems.push(
      problemAt(
        source,
        places.find('entity', 'Curfew::System'),
        'Curfew::System has more than Curfew supplies, wanted `entity System;`',
      ),
    );
  return problems;
}

function checkFields(
  schema: SchemaUnderCheck,
  typeName: 'Grant' | 'AccessRequest',
  supplied: Readonly<Record<string, SuppliedField>>,
  declared: AttributesShape,
): Problem[] {
  const place = (...names: string[]): number => schema.places.find('type', `Curfew::${typeName}`, ...names);
  if (declared.size === 0 && Object.hasOwn(schema.json['Curfew']?.commonTypes ?? {}, typeName)) {
    const message = `Curfew::${typeName} declares no field, wanted a record with at least one of ${Object.keys(supplied).join(', ')}`;
    return [problemAt(schema.source, place(), message)];
  }
  return fieldProblems(schema.source, { name: typeName, supplied, place }, declared);
}

/** A record that Curfew supplies. */
interface SuppliedRecord {
  readonly name: string;
  readonly supplied: Readonly<Record<string, SuppliedField>>;
  /** Where its fields are declared. */
  readonly place: (field: string) => number;
}

function fieldProblems(
  source: SourceText,
  { name: record, supplied, place }: SuppliedRecord,
  declared: AttributesShape,
): Problem[] {
  const problems: Problem[] = [];
  for (const [name, { type, required }] of declared) {
    const field = Object.hasOwn(supplied, name) ? supplied[name] : undefined;
    if (field === undefined) {
      const message = `Curfew supplies no \`${name}\` in ${record}`;
      problems.push(problemAt(source, place(name), message, suggest(name, Object.keys(supplied))));
    } else if (!isSupplied(field, type)) {
      const wanted =
        typeof field.type === 'string' ? `the entity type of a ${field.type}` : formatType(field.type);
      const message = `${record}.${name} is declared as ${formatType(type)}, wanted ${wanted}`;
      problems.push(problemAt(source, place(name), message));
    } else if (required && field.isOptional) {
      const message = `${record}.${name} is declared as required, and Curfew leaves it out at times`;
      problems.push(problemAt(source, place(name), message, `write \`${name}?:\``));
    }
  }
  return problems;
}

/** Of `context.auth`, which is left out where nothing is known of it. */
function checkAuth(
  schema: SchemaUnderCheck,
  fullName: string,
  { type, required }: AttributeShape,
): Problem[] {
  const place = (...names: string[]): number =>
    schema.places.find('action', fullName, 'context', 'auth', ...names);
  if (type.kind !== 'record') {
    const message = `context.auth of ${fullName} is ${formatType(type)}, wanted { time?: datetime, methods: Set<String> }`;
    return [problemAt(schema.source, place(), message)];
  }
  const problems = fieldProblems(
    schema.source,
    { name: 'context.auth', supplied: AUTH, place },
    type.attributes,
  );
  if (!required) return problems;
  const message = 'context.auth is declared as required, and Curfew leaves it out at times';
  return [problemAt(schema.source, place(), message, 'write `auth?:`'), ...problems];
}

function isSupplied(field: SuppliedField, declared: TypeShape): boolean {
  if (typeof field.type === 'string') return declared.kind === 'entity' && declared.type !== 'Curfew::System';
  return sameType(field.type, declared);
}

/** Tells people and services apart by type alone, so there must be one of each and not the same. */
function checkPeople(schema: SchemaUnderCheck): Problem[] {
  const { personTypes, serviceTypes, requestFields } = schema.shape;
  const at = (name: string): number => schema.places.find('type', 'Curfew::AccessRequest', name);
  const problems: Problem[] = [];
  const several = (types: readonly string[], name: string, word: string): void => {
    if (types.length > 1)
      problems.push(
        problemAt(schema.source, at(name), `${word} are declared as ${types.join(' and ')}, wanted one type`),
      );
  };
  several(personTypes, 'subject', 'people (requester, subject)');
  several(serviceTypes, 'subjectService', 'services (requesterService, subjectService)');
  for (const type of serviceTypes.filter((it) => personTypes.includes(it))) {
    const name = requestFields.has('requesterService') ? 'requesterService' : 'subjectService';
    problems.push(
      problemAt(schema.source, at(name), `${type} is the type of people and of services, wanted two types`),
    );
  }
  return problems;
}

function checkAction(schema: SchemaUnderCheck, action: ActionShape, supplied: SuppliedAction): Problem[] {
  const { shape, source } = schema;
  const fullName = `Curfew::Action::${action.uid.id}`;
  const problem = (message: string, ...names: string[]): Problem =>
    problemAt(source, schema.places.find('action', fullName, ...names), message);
  const problems: Problem[] = [];
  const principals = [
    ...(supplied.principals.includes('person') ? shape.personTypes : []),
    ...(supplied.principals.includes('service') ? shape.serviceTypes : []),
  ];
  const mayCheck = shape.personTypes.length + shape.serviceTypes.length > 0;
  for (const type of action.principalTypes.filter((it) => mayCheck && !principals.includes(it)))
    problems.push(
      problem(
        `${fullName} has principals of type ${type}, wanted ${principals.join(' or ')}`,
        'principal',
        lastName(type),
      ),
    );
  for (const type of action.resourceTypes.filter((it) => !isResource(shape, supplied, it)))
    problems.push(problem(`Curfew never asks ${fullName} about a ${type}`, 'resource', lastName(type)));
  if (action.memberOf.length > 0)
    problems.push(problem(`${fullName} is a member of another action, wanted no groups`));
  for (const [name, attribute] of action.context) {
    const { type } = attribute;
    if (name === 'auth' && supplied.hasAuth === true) {
      problems.push(...checkAuth(schema, fullName, attribute));
      continue;
    }
    const wanted =
      name === 'now' ? 'datetime' : name === 'request' && supplied.hasRequest ? 'AccessRequest' : undefined;
    if (wanted === undefined) {
      problems.push(problem(`Curfew supplies no \`${name}\` in the context of ${fullName}`, 'context', name));
    } else if (wanted === 'datetime' ? !sameType(type, DATETIME) : !isRequest(shape, type)) {
      problems.push(
        problem(`context.${name} of ${fullName} is ${formatType(type)}, wanted ${wanted}`, 'context', name),
      );
    }
  }
  return problems;
}

function isResource(shape: SchemaShape, supplied: SuppliedAction, type: string): boolean {
  const isSystem = type === 'Curfew::System';
  switch (supplied.resources) {
    case 'any':
      return true;
    case 'domain':
      return !isSystem;
    case 'system':
      return isSystem;
    case 'asked-about':
      return isSystem || [...shape.personTypes, ...shape.serviceTypes].includes(type);
  }
}

/** The very type `AccessRequest`: its fields are resolved once and shared. */
function isRequest(shape: SchemaShape, type: TypeShape): boolean {
  return type.kind === 'record' && type.attributes === shape.requestFields;
}

function lastName(type: string): string {
  return type.split('::').at(-1) ?? type;
}
