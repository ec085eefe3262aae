import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHAOS = fileURLToPath(new URL('../chaos/domain', import.meta.url));

/** The domain of the chaos runs with more people, databases that grant themselves, and as many access policies as said. */
export interface BenchDomain extends AsyncDisposable {
  readonly folder: string;
  readonly people: readonly string[];
  readonly databases: readonly string[];
}

export interface BenchDomainOptions {
  readonly people: number;
  readonly databases: number;
  /** Policies in access/ and guardrails/ together, at least 2. */
  readonly policies: number;
  /** What their conditions ask for; groups unless said. */
  readonly conditions?: Conditions;
}

export type Conditions = 'groups' | 'attributes';

export async function writeDomain(options: BenchDomainOptions): Promise<BenchDomain> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-bench-'));
  await cp(CHAOS, folder, { recursive: true });
  const people = Array.from({ length: options.people }, (_, index) => `person${index}`);
  const databases = Array.from({ length: options.databases }, (_, index) => `bench${index}`);
  const entity = (type: string, id: string, parents: readonly object[], attrs: object): object => ({
    uid: { type, id },
    attrs,
    parents,
  });
  const entities = [
    ...['staff', 'security', 'admins'].map((id) => entity('Group', id, [], {})),
    ...['prod', 'test'].map((id) => entity('Environment', id, [], {})),
    entity('Service', 'application', [], {}),
    entity('User', 'root', [{ type: 'Group', id: 'admins' }], {}),
    ...['owner0', 'security0', 'security1'].map((id) =>
      entity('User', id, [{ type: 'Group', id: 'security' }], {}),
    ),
    ...people.map((id) => entity('User', id, [{ type: 'Group', id: 'staff' }], {})),
    ...databases.map((id) => entity('Database', id, [{ type: 'Environment', id: 'test' }], { owners: [] })),
    entity('Database', 'prod0', [{ type: 'Environment', id: 'prod' }], {
      owners: [{ __entity: { type: 'User', id: 'owner0' } }],
    }),
  ];
  await writeFile(join(folder, 'directory.json'), JSON.stringify(entities));
  await mkdir(join(folder, 'access', 'more'), { recursive: true });
  await writeFile(
    join(folder, 'access', 'more', 'standing.cedar'),
    standing(options.policies - 2, options.conditions ?? 'groups'),
  );
  return { folder, people, databases, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/**
 * Permits that let nobody in, every other one by its head. The rest do so by their conditions: either on groups, or on attributes,
 * which Cedar alone can evaluate.
 */
function standing(count: number, conditions: Conditions): string {
  return Array.from({ length: count }, (_, index) => {
    const group = `principal in Group::"group${index}"`;
    const condition = conditions === 'groups' ? group : 'resource.owners.contains(principal)';
    const policy =
      index % 2 === 0
        ? `permit (${group}, action, resource is Database)`
        : `permit (principal is User, action, resource is Database) when { ${condition} }`;
    return `@id("standing-${index}")\n${policy};\n`;
  }).join('\n');
}
