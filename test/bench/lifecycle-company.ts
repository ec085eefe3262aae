import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEntities } from '../../core/access/entity-json.ts';
import { toProtoEntity } from '../../core/rpc/values.ts';
import { type Cluster, startCluster } from '../chaos/cluster.ts';
import { settle } from '../chaos/calm.ts';

const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url));

export const PEOPLE = 10_000;
/** In the group whose members fill the step "security". */
export const SECURITY = 3_000;
export const DATABASES = 2_000;
const AT_ONCE = 1_000;
/** Of the last, all by one person. */
export const MANY = 1_500;

export const person = (index: number): string => `p${index}`;
export const databaseOf = (index: number) => ({ type: 'Database', id: `d${index}` });
/** Whoever owns the database, and nothing else. */
export const ownerOf = (index: number): string => person(SECURITY + index);
export const OWNER_OF_MANY = person(9_000);
/** Of the group, and nobody's manager. */
export const MEMBER = person(2_500);
export const MANAGER = person(950);

/** The example organisation, with as many people and databases as a large one has. */
export async function startCompany(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-bench-'));
  try {
    await cp(POLICIES, folder, { recursive: true });
    const file = join(folder, 'directory.json');
    const example = JSON.parse(await readFile(file, 'utf8')) as readonly object[]; // Cedar's entity JSON
    await writeFile(file, JSON.stringify([...example, ...operators()]));
    const cluster = await startCluster({ policies: folder, isDirect: true });
    await settle(cluster);
    await apply(cluster, [...people(), ...databases()]);
    return cluster;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** More than a policy folder may bring. */
async function apply(cluster: Cluster, entities: readonly object[]): Promise<void> {
  const all = parseEntities(JSON.stringify(entities)).map(toProtoEntity);
  for (let start = 0; start < all.length; start += AT_ONCE)
    await cluster.as('root', 0).directory.applyEntities({ entities: all.slice(start, start + AT_ONCE) });
}

const reference = (type: string, id: string) => ({ __entity: { type, id } });
const group = (id: string) => ({ type: 'Group', id });

function user(id: string, manager: string, parents: readonly object[]): object {
  const attrs = {
    name: id,
    email: `${id}@example.com`,
    title: 'engineer',
    manager: reference('User', manager),
  };
  return { uid: { type: 'User', id }, attrs, parents };
}

/** Everybody has up to ten reports. */
function people(): readonly object[] {
  return Array.from({ length: PEOPLE }, (_, index) =>
    user(person(index), index < 10 ? 'katherine' : person(Math.floor(index / 10)), [
      group('engineering'),
      ...(index < SECURITY ? [group('security')] : []),
    ]),
  );
}

/** Those whom the services' start is seen by. */
function operators(): readonly object[] {
  const attrs = { owner: reference('User', 'grace') };
  const application = {
    uid: { type: 'Service', id: 'application' },
    attrs,
    parents: [group('enforcers')],
  };
  return [user('root', 'katherine', [group('platform-admins')]), application];
}

function databases(): readonly object[] {
  return Array.from({ length: DATABASES }, (_, index) => {
    const owner = index < DATABASES - MANY ? ownerOf(index) : OWNER_OF_MANY;
    const attrs = {
      classification: index % 10 === 0 ? 'pii' : 'internal',
      owners: [reference('User', owner), reference('User', 'grace')],
      team: reference('Group', 'engineering'),
      legalHold: false,
    };
    return { uid: databaseOf(index), attrs, parents: [{ type: 'Environment', id: 'prod' }] };
  });
}
