import type { DetailedError, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isTrap, newCedarInstance } from './cedar-instance.ts';
import { checkCurfewNamespace, type SchemaUnderCheck } from './curfew-namespace.ts';
import { checkDomain } from './domain-rules.ts';
import type { Examiner } from './examiner.ts';
import { SCHEMA_FILE } from './files.ts';
import type { Phase } from './policy-set.ts';
import type { Problem } from './problem.ts';
import { buildShape } from './schema-build.ts';
import { schemaPlaces } from './schema-places.ts';
import type { SchemaShape } from './schema-shape.ts';
import { offsetOfByte, problemAt, type SourceText, sourceText } from './source-text.ts';
import { tokenize } from './tokens.ts';

/** A schema that Cedar accepts, with one for each phase: access/ is never asked Curfew's actions, workflows/ nothing else. */
export interface ExaminedSchema {
  readonly shape: SchemaShape;
  readonly ofPhase: Readonly<Record<Phase, SchemaJson<string>>>;
}

const MAX_NESTING = 50;
const SHADOWING =
  /definition of `(?<later>[^`]+)` illegally shadows the existing definition of `(?<earlier>[^`]+)`/;

/** Parses the schema and notes what is wrong with it; undefined when Cedar cannot use it. */
export function readSchema(examiner: Examiner, text: string | undefined): ExaminedSchema | undefined {
  const source = sourceText(SCHEMA_FILE, text ?? '');
  if (text === undefined) {
    examiner.problems.push(problemAt(source, 0, `no ${SCHEMA_FILE}, wanted the schema of the policies`));
    return undefined;
  }
  const tooDeep = checkNesting(source);
  if (tooDeep !== undefined) {
    examiner.problems.push(tooDeep);
    return undefined;
  }
  examiner.options.onStep?.({ file: SCHEMA_FILE, line: 1, column: 1 });
  try {
    return parseSchema(examiner, source);
  } catch (error) {
    examiner.cedar = newCedarInstance();
    const message = isTrap(error)
      ? 'schema makes Cedar run out of memory or stack'
      : `Cedar refuses the schema: ${String(error)}`;
    examiner.problems.push(problemAt(source, 0, message));
    return undefined;
  }
}

function parseSchema(examiner: Examiner, source: SourceText): ExaminedSchema | undefined {
  const { cedar, problems } = examiner;
  const errors = (found: readonly DetailedError[]): void => {
    for (const error of found)
      if (!isNoted(problems, source, error)) problems.push(schemaProblem(source, error));
  };
  const checked = cedar.checkParseSchema(source.text);
  if (checked.type === 'failure') errors(checked.errors);
  const resolved = cedar.schemaToJsonWithResolvedTypes(source.text);
  const plain = cedar.schemaToJson(source.text);
  if (resolved.type === 'failure') errors(resolved.errors);
  else errors(resolved.warnings);
  if (checked.type === 'failure' || resolved.type === 'failure' || plain.type === 'failure') return undefined;
  const shape = buildShape(resolved.json);
  const under: SchemaUnderCheck = { shape, json: resolved.json, source, places: schemaPlaces(source.text) };
  problems.push(...checkCurfewNamespace(under), ...checkDomain(under));
  return {
    shape,
    ofPhase: {
      access: withActions(plain.json, (namespace) => namespace !== 'Curfew'),
      workflows: withActions(plain.json, (namespace) => namespace === 'Curfew'),
    },
  };
}

/** The schema with the actions of some namespaces only; the types stay. */
function withActions(json: SchemaJson<string>, keeps: (namespace: string) => boolean): SchemaJson<string> {
  return Object.fromEntries(
    Object.entries(json).map(([namespace, definition]) => [
      namespace,
      keeps(namespace) ? definition : { ...definition, actions: {} },
    ]),
  );
}

function isNoted(problems: readonly Problem[], source: SourceText, error: DetailedError): boolean {
  const { message } = schemaProblem(source, error);
  return problems.some((problem) => problem.file === source.file && problem.message === message);
}

function schemaProblem(source: SourceText, error: DetailedError): Problem {
  const place = error.sourceLocations?.at(-1);
  const shadowing = SHADOWING.exec(error.message)?.groups;
  const offset =
    place === undefined ? placeOfName(source, shadowing?.['later']) : offsetOfByte(source.text, place.start);
  if (shadowing !== undefined && shadowing['later']?.startsWith('Curfew::') === true) {
    const message = `${shadowing['earlier']} is declared in the empty namespace, and Curfew has ${shadowing['later']}`;
    const hint = `rename ${shadowing['earlier']}, or put your domain into a namespace of its own`;
    return problemAt(source, placeOfName(source, shadowing['earlier']), message, hint);
  }
  const text = error.message.replace(/^failed to parse schema from string: (?:error parsing schema: )?/, '');
  const label = place?.label === null || place?.label === undefined ? '' : `, ${place.label}`;
  return problemAt(source, offset, `${text}${label}`, error.help);
}

/** Where the schema declares what Cedar names so: `N::User`, `N::Action::"read"`. */
function placeOfName(source: SourceText, name: string | undefined): number {
  if (name === undefined) return 0;
  const places = schemaPlaces(source.text);
  const fullName = name.replaceAll('"', '');
  return name.includes('"')
    ? places.find('action', fullName)
    : places.find('entity', fullName) || places.find('type', fullName);
}

function checkNesting(source: SourceText): Problem | undefined {
  let depth = 0;
  for (const token of tokenize(source.text)) {
    if (token.kind === 'string') continue;
    if ('([{<'.includes(token.text)) depth++;
    else if (')]}>'.includes(token.text)) depth--;
    if (depth > MAX_NESTING)
      return problemAt(source, token.start, `brackets nested more than ${MAX_NESTING} deep`);
  }
  return undefined;
}
