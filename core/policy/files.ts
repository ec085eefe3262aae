import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A policy folder: text by path relative to it, with forward slashes; the schema and the policies, nothing else. */
export type PolicyFiles = ReadonlyMap<string, string>;

/** Where the schema stands in a policy folder. */
export const SCHEMA_FILE = 'schema.cedarschema';

/** How large a policy folder may be. */
export const FOLDER_LIMITS = {
  fileBytes: 1024 * 1024,
  totalBytes: 4 * 1024 * 1024,
  files: 2_000,
  depth: 16,
} as const;

/** Says what is wrong with a policy folder as a whole, or with one of its files. */
export class PolicyFolderError extends Error {
  override readonly name = 'PolicyFolderError';
}

/**
 * Reads schema and policies of a folder, symbolic links followed, names that begin with a dot left out. Misplaced `.cedar`
 * files are read too, so that loading can refuse them. @throws PolicyFolderError naming the path and what is wrong with it.
 */
export async function readPolicyFolder(folder: string): Promise<PolicyFiles> {
  const files = await readTree(folder, (path) => /\.cedar(?:schema)?$/i.test(path));
  if (!files.has(SCHEMA_FILE))
    throw new PolicyFolderError(`${join(folder, SCHEMA_FILE)}: not there, wanted the schema of the policies`);
  return files;
}

/** SHA-256 in hex over paths and texts; equal for equal sets only. */
export function digestOf(files: PolicyFiles): string {
  const hash = createHash('sha256').update('curfew policy set 1\n');
  const add = (text: string): void => {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  };
  for (const path of [...files.keys()].toSorted()) {
    add(path);
    add(files.get(path) ?? '');
  }
  return hash.digest('hex');
}

/** The text of the folder's `directory.json`, or undefined when it has none. @throws PolicyFolderError */
export async function readDirectoryFile(folder: string): Promise<string | undefined> {
  return (await readTree(folder, (path) => path === 'directory.json')).get('directory.json');
}

/** The texts of the folder's `cases/*.yaml`, by path. @throws PolicyFolderError */
export async function readCaseFiles(folder: string): Promise<PolicyFiles> {
  return readTree(folder, (path) => /^cases\/.+\.ya?ml$/.test(path));
}

/** What has been read so far of one folder. */
interface Reading {
  readonly folder: string;
  readonly wants: (path: string) => boolean;
  readonly files: Map<string, string>;
  totalBytes: number;
}

async function readTree(folder: string, wants: Reading['wants']): Promise<PolicyFiles> {
  const found = await stat(folder).catch((cause: unknown) => {
    throw new PolicyFolderError(`${folder}: ${reasonOf(cause)}, wanted a policy folder`, { cause });
  });
  if (!found.isDirectory()) throw new PolicyFolderError(`${folder}: a file, wanted a policy folder`);
  const reading: Reading = { folder, wants, files: new Map(), totalBytes: 0 };
  await readLevel(reading, '', [await realpath(folder)]);
  return new Map([...reading.files].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** `above` are the real paths of the folders that lead here, by which a loop of links shows. */
async function readLevel(reading: Reading, prefix: string, above: readonly string[]): Promise<void> {
  const names = await attempt(reading, prefix, () => readdir(join(reading.folder, prefix)));
  for (const name of names.toSorted()) {
    if (name.startsWith('.')) continue;
    const path = `${prefix}${name}`;
    const target = await attempt(reading, path, () => stat(join(reading.folder, path)));
    if (target.isDirectory()) {
      const real = await attempt(reading, path, () => realpath(join(reading.folder, path)));
      if (above.includes(real) || above.length > FOLDER_LIMITS.depth)
        throw new PolicyFolderError(
          `${join(reading.folder, path)}: a link to a folder that contains it, wanted a tree`,
        );
      await readLevel(reading, `${path}/`, [...above, real]);
    } else if (reading.wants(path)) {
      if (!target.isFile()) throw new PolicyFolderError(`${join(reading.folder, path)}: not a regular file`);
      await readText(reading, path, target.size);
    }
  }
}

async function readText(reading: Reading, path: string, sizeBytes: number): Promise<void> {
  const full = join(reading.folder, path);
  const tooLarge = (seen: number, limit: number): PolicyFolderError =>
    new PolicyFolderError(`${full}: ${seen} bytes, wanted at most ${limit}`);
  if (sizeBytes > FOLDER_LIMITS.fileBytes) throw tooLarge(sizeBytes, FOLDER_LIMITS.fileBytes);
  const bytes = await attempt(reading, path, () => readFile(full));
  reading.totalBytes += bytes.length;
  if (bytes.length > FOLDER_LIMITS.fileBytes) throw tooLarge(bytes.length, FOLDER_LIMITS.fileBytes);
  if (reading.totalBytes > FOLDER_LIMITS.totalBytes)
    throw new PolicyFolderError(
      `${reading.folder}: more than ${FOLDER_LIMITS.totalBytes} bytes in all files together`,
    );
  if (reading.files.size >= FOLDER_LIMITS.files)
    throw new PolicyFolderError(`${reading.folder}: more than ${FOLDER_LIMITS.files} files`);
  reading.files.set(path, decode(full, bytes));
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PolicyFolderError(`${path}: not UTF-8, wanted text in UTF-8`, { cause });
  }
}

async function attempt<T>(reading: Reading, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw new PolicyFolderError(`${join(reading.folder, path)}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'not there';
    case 'EACCES':
      return 'not readable by this user';
    case 'ELOOP':
      return 'a loop of links';
    default:
      return typeof code === 'string' ? `cannot be read (${code})` : 'cannot be read';
  }
}
