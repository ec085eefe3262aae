import type { Entity } from '../access/entity.ts';
import { EntityJsonError, parseEntities } from '../access/entity-json.ts';
import { readDirectoryFile } from './files.ts';
import type { Problem } from './problem.ts';
import { problemAt, sourceText } from './source-text.ts';

const DIRECTORY_FILE = 'directory.json';

/** The entities of a policy folder's `directory.json`, or what is wrong with the file. */
export type DirectoryFile =
  | { readonly ok: true; readonly entities: readonly Entity[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads the folder's `directory.json`; no file is no entities. @throws PolicyFolderError when it cannot be read */
export async function readDirectory(folder: string): Promise<DirectoryFile> {
  const text = (await readDirectoryFile(folder)) ?? '[]';
  try {
    return { ok: true, entities: parseEntities(text) };
  } catch (error) {
    if (!(error instanceof EntityJsonError)) throw error;
    const source = sourceText(DIRECTORY_FILE, text);
    const offset = (source.lineStarts[(error.line ?? 1) - 1] ?? 0) + (error.column ?? 1) - 1;
    return { ok: false, problems: [problemAt(source, offset, error.message)] };
  }
}
