import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import {
  type ExactJson,
  parseEntities,
  parseJsonExact,
  uidFromJson,
  valueFromJson,
} from '../../core/access/entity-json.ts';
import { type CedarInstance, newCedarInstance } from '../../core/policy/cedar-instance.ts';
import { createEngine, type Engine } from '../../core/policy/engine.ts';
import { fitEntity } from '../../core/policy/fit-entity.ts';
import { parsePolicy } from '../../core/policy/parse-policy.ts';
import type { PolicySource } from '../../core/policy/policy-set.ts';
import { buildShape } from '../../core/policy/schema-build.ts';
import { sourceText } from '../../core/policy/source-text.ts';
import { splitPolicies } from '../../core/policy/split.ts';

/** What came out of a folder of Cedar's own integration tests. */
export interface ConformanceReport {
  readonly files: number;
  readonly requests: number;
  /** A line for each, naming the file and the request. */
  readonly differences: readonly string[];
}

type Fields = { readonly [key: string]: ExactJson };

/**
 * Asks every request of every JSON file with `requests` under the folder and compares decision, reasons, errors and the
 * validation verdict. Paths in the files are relative to the folder or to one above it (the published corpus, unpacked in a folder of
 * its own, names that folder); policies are called policy0, policy1 … by position. Goes through the engine's own evaluation, below load rules and error rules.
 */
export async function runCedarCases(folder: string): Promise<ConformanceReport> {
  let files = 0;
  let requests = 0;
  const differences: string[] = [];
  for (const file of await jsonFiles(folder)) {
    const content = await readFile(join(folder, file), 'utf8');
    if (!isCase(content)) continue;
    const fields = parseJsonExact(content) as Fields; // a record, as isCase saw
    const asked = list(fields['requests']);
    files++;
    requests += asked.length;
    const found = await runFile(join(folder, file), fields, asked).catch((error: unknown) => [
      `cannot be run: ${String(error)}`,
    ]);
    differences.push(...found.map((difference) => `${file}: ${difference}`));
  }
  return { files, requests, differences };
}

async function runFile(path: string, fields: Fields, requests: readonly ExactJson[]): Promise<string[]> {
  const read = (key: string): Promise<string> => readNamed(dirname(resolve(path)), text(fields[key]));
  const cedar = newCedarInstance();
  const schemaText = await read('schema');
  const policies = policiesOf(cedar, await read('policies'));
  const differences: string[] = [];
  const isValid = validates(cedar, schemaText, policies);
  if (isValid !== fields['shouldValidate'])
    differences.push(
      `validation: wanted ${isValid ? 'failure' : 'success'}, got ${isValid ? 'success' : 'failure'}`,
    );
  const resolved = cedar.schemaToJsonWithResolvedTypes(schemaText);
  if (resolved.type === 'failure') throw new Error(resolved.errors.map((error) => error.message).join('; '));
  const schema = buildShape(resolved.json);
  const engine = createEngine({
    digest: '',
    schema,
    access: policies,
    workflows: [],
    requestWorkflows: [],
    approvals: [],
    entityPaths: { access: [], workflows: [] },
    attributesRead: { access: new Set(), workflows: new Set() },
  });
  // The engine brings the actions of the schema itself.
  const entities = parseEntities(await read('entities'))
    .filter((entity) => !schema.actions.has(uidKey(entity.uid)))
    .map((entity) => fitEntity(schema, entity));
  for (const [index, request] of requests.entries())
    differences.push(...askOne(engine, entities, request as Fields).map((it) => `request ${index}: ${it}`)); // each is a record
  return differences;
}

function policiesOf(cedar: CedarInstance, policyText: string): PolicySource[] {
  return splitPolicies(sourceText('policies', policyText)).map((chunk, index) => {
    const parsed = parsePolicy(cedar, chunk);
    if (!('policy' in parsed)) throw new Error(parsed.map((problem) => problem.message).join('; '));
    return { ...parsed.policy, id: `policy${index}` };
  });
}

function validates(cedar: CedarInstance, schema: string, policies: readonly PolicySource[]): boolean {
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.id, policy.text]));
  const answer = cedar.validate({
    schema,
    policies: { staticPolicies },
    validationSettings: { mode: 'strict' },
  });
  return answer.type === 'success' && answer.validationErrors.length === 0;
}

function askOne(engine: Engine, entities: ReturnType<typeof parseEntities>, request: Fields): string[] {
  const uid = (key: string): EntityUid => uidFromJson(request[key] ?? null, key);
  const context = valueFromJson(request['context'] ?? {}, 'context');
  if (context.kind !== 'record') throw new Error('a context that is no record');
  const raw = engine.evaluateRaw('access', {
    principal: uid('principal'),
    action: uid('action'),
    resource: uid('resource'),
    context: context.fields,
    entities,
  });
  if (raw.kind === 'failure') return [raw.message];
  const compare = (what: string, wanted: readonly string[], got: readonly string[]): string[] => {
    const [left, right] = [wanted.toSorted().join(', '), got.toSorted().join(', ')];
    return left === right ? [] : [`${what}: wanted [${left}], got [${right}]`];
  };
  return [
    ...compare('decision', [text(request['decision'])], [raw.decision]),
    ...compare('reason', list(request['reason']).map(text), raw.policyIds),
    ...compare(
      'errors',
      list(request['errors']).map(text),
      raw.errors.map((error) => error.policyId),
    ),
  ];
}

/** The file of that name in the folder or in the nearest one above it that has it. @throws Error of Node's when none has */
async function readNamed(folder: string, name: string): Promise<string> {
  for (let at = folder; at !== dirname(at); at = dirname(at))
    if (existsSync(join(at, name))) return await readFile(join(at, name), 'utf8');
  return await readFile(join(folder, name), 'utf8');
}

function isCase(content: string): boolean {
  const json: unknown = JSON.parse(content);
  return json !== null && typeof json === 'object' && 'requests' in json;
}

async function jsonFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((path) => path.endsWith('.json')).toSorted();
}

function list(json: ExactJson | undefined): readonly ExactJson[] {
  if (Array.isArray(json)) return json as readonly ExactJson[]; // Array.isArray does not narrow a readonly list
  throw new Error('wanted a list');
}

function text(json: ExactJson | undefined): string {
  if (typeof json === 'string') return json;
  throw new Error('wanted a text');
}
