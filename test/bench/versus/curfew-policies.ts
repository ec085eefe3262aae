import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Company, TeamRule } from './company.ts';

const SCHEMA = fileURLToPath(new URL('./schema.cedarschema', import.meta.url));

/** A folder that is removed when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly folder: string;
}

const GRANTED = `@id("jit")
permit (principal, action, resource is Database) when { context has grant };
`;

const GUARDRAIL = `@id("personal-data-needs-mfa")
forbid (principal, action, resource is Database)
when { resource.classification == "pii" } unless { context has mfa && context.mfa };
`;

const WORKFLOWS = `@id("auto") @approvals("none") @max("8h")
permit (principal in Group::"everybody", action == Curfew::Action::"request", resource is Environment);

@id("the-application-asks")
permit (principal == Service::"application", action == Curfew::Action::"authorize", resource);

@id("root-administers")
permit (principal == User::"root", action == Curfew::Action::"administer", resource);
`;

/** Files of policies are limited in size. */
const POLICIES_PER_FILE = 500;

/** The company as Curfew is told of it: a policy folder. */
export async function writeCurfewPolicies(company: Company): Promise<TemporaryFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-bench-'));
  const write = (path: string, text: string): Promise<void> => writeFile(join(folder, path), text);
  for (const name of ['access', 'guardrails', 'workflows']) await mkdir(join(folder, name));
  await cp(SCHEMA, join(folder, 'schema.cedarschema'));
  await write('access/granted.cedar', GRANTED);
  for (let from = 0; from < company.rules.length; from += POLICIES_PER_FILE) {
    const rules = company.rules.slice(from, from + POLICIES_PER_FILE);
    await write(`access/teams-${from}.cedar`, rules.map(policyOf).join('\n'));
  }
  await write('guardrails/personal-data.cedar', GUARDRAIL);
  await write('workflows/workflows.cedar', WORKFLOWS);
  await write('directory.json', JSON.stringify(directoryOf(company)));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function policyOf({ id, team, minLevel, environment }: TeamRule): string {
  const where = environment === undefined ? '' : ` in Environment::"${environment}"`;
  return `@id("${id}")
permit (principal in Group::"${team}", action == Action::"read", resource is Database${where})
when { resource.classification == "internal" && principal.level >= ${minLevel} };
`;
}

function directoryOf({ people, databases, environments, groups }: Company): readonly object[] {
  return [
    ...groups.map(({ id, parent }) => entity('Group', id, parent === undefined ? [] : [['Group', parent]])),
    ...environments.map((id) => entity('Environment', id, [])),
    entity('Service', 'application', []),
    entity('User', 'root', [], { level: 1 }),
    ...people.map(({ id, level, groups: [team = ''] }) => entity('User', id, [['Group', team]], { level })),
    ...databases.map(({ id, environment, classification }) =>
      entity('Database', id, [['Environment', environment]], { classification }),
    ),
  ];
}

type Uid = readonly [type: string, id: string];

function entity(type: string, id: string, parents: readonly Uid[], attrs: object = {}): object {
  return { uid: { type, id }, attrs, parents: parents.map(([type, id]) => ({ type, id })) };
}
