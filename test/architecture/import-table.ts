import { posix } from 'node:path';
import type { SourceFacts, SourceFile } from './source-facts.ts';

/** Which folder may import from which; a folder that is not here may not exist. Tests may import everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'core/access': [],
  'core/runtime': [],
  'core/policy': ['core/access'],
  'core/store': ['core/access'],
  'core/feed': ['core/access', 'core/runtime', 'core/store'],
  'core/replica': ['core/access', 'core/feed', 'core/policy', 'core/store'],
  'core/processes': ['core/access', 'core/runtime'],
  'core/rpc': ['core/access', 'core/runtime', 'proto/gen'],
  'services/decision': ['core', 'proto/gen'],
  'services/grant': ['core', 'proto/gen'],
  'services/notify': ['core', 'proto/gen'],
  'services/migrate': ['core'],
  'services/standalone': ['core', 'deploy/local'],
  'clients/sdk': ['proto/gen'],
  'clients/cli': ['clients/sdk', 'core/policy', 'core/processes', 'proto/gen'],
  'clients/console': ['clients/sdk', 'proto/gen'],
  'deploy/local': [],
  'deploy/packages': [],
  'proto/gen': [],
};

/** Single files that need more than their folder may, and why nothing else does. */
const MAY_ALSO_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // The doctor looks at a database, SQL is in the store alone, and no other command may pull in its driver.
  'clients/cli/doctor/database.ts': ['core/store'],
};

/** Packages that open a door, and the only folders that may use them. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  pg: ['core/store'],
  kysely: ['core/store'],
  '@grpc/grpc-js': ['core/rpc', 'clients/sdk'],
  'grpc-health-check': ['core/rpc'],
  '@cedar-policy/cedar-wasm': ['core/policy'],
};

/** The domain does no I/O; hashing is none. */
const PURE: Readonly<Record<string, readonly string[]>> = { 'core/access': ['node:crypto'] };

/** What is wrong with the imports of a file, as `path:line: why`. */
export function findWrongImports({ path }: SourceFile, { imports }: SourceFacts): readonly string[] {
  const from = folderOf(path);
  if (from === undefined) return [];
  const usual = MAY_IMPORT[from];
  if (usual === undefined) return [`${path}:1: the folder ${from} is not in the import table`];
  const allowed = [...usual, ...(MAY_ALSO_IMPORT[path] ?? [])];
  return imports.flatMap(({ specifier, line }) => {
    const why = specifier.startsWith('.')
      ? refuseFolder(from, allowed, posix.join(posix.dirname(path), specifier))
      : refusePackage(from, specifier);
    return why === undefined ? [] : [`${path}:${line}: ${why}`];
  });
}

function refuseFolder(from: string, allowed: readonly string[], target: string): string | undefined {
  const to = folderOf(target) ?? target;
  if (to === from || allowed.some((folder) => to === folder || to.startsWith(`${folder}/`))) return undefined;
  return `${from} may not import ${to}`;
}

function refusePackage(from: string, specifier: string): string | undefined {
  const [first = '', second = ''] = specifier.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const users = Object.hasOwn(MAY_USE, name) ? MAY_USE[name] : undefined;
  if (users?.includes(from) === false) return `only ${users.join(' and ')} may use ${name}`;
  const builtins = PURE[from];
  if (name.startsWith('node:') && builtins?.includes(specifier) === false)
    return `${from} may not use ${name}`;
  return undefined;
}

/** The first two parts of the path; undefined for tests and for files at the root. */
function folderOf(path: string): string | undefined {
  const [top, folder, ...rest] = path.split('/');
  return rest.length === 0 || top === 'test' ? undefined : `${top}/${folder}`;
}
