import type { Entity } from '../access/entity.ts';
import { EntityJsonError, parseEntities } from '../access/entity-json.ts';
import { readDirectoryFile } from './files.ts';
import type { Problem } from './problem.ts';
import { problemAt, type SourceText, sourceText } from './source-text.ts';

const DIRECTORY_FILE = 'directory.json';

/** The entities of a file in Cedar's JSON form, or what is wrong with it. */
export type DirectoryFile =
  | { readonly ok: true; readonly entities: readonly Entity[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads the folder's `directory.json`; no file is no entities. @throws PolicyFolderError when it cannot be read */
export async function readDirectory(folder: string): Promise<DirectoryFile> {
  return parseDirectory(DIRECTORY_FILE, (await readDirectoryFile(folder)) ?? '[]');
}

/** Reads entities in Cedar's JSON form. @param file names the text in problems */
export function parseDirectory(file: string, text: string): DirectoryFile {
  try {
    return { ok: true, entities: parseEntities(text) };
  } catch (error) {
    if (!(error instanceof EntityJsonError)) throw error;
    const source = sourceText(file, text);
    return { ok: false, problems: [problemAt(source, offsetOf(source, error), error.message)] };
  }
}

/** Where the members of a list begin, in a text that is known to be JSON. */
export function itemOffsets(text: string): readonly number[] {
  const offsets: number[] = [];
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/g)) {
    const begins = (mark === '[' && depth === 0) || (mark === ',' && depth === 1);
    if (begins) offsets.push(index + 1 + (/\S/.exec(text.slice(index + 1, index + 1_000))?.index ?? 0));
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
  }
  return offsets;
}

/** The place that the error names; else the entity that it is about. */
function offsetOf({ lineStarts, text }: SourceText, { line, column, message }: EntityJsonError): number {
  if (line !== undefined) return (lineStarts[line - 1] ?? 0) + (column ?? 1) - 1;
  const item = /^\[(\d+)\]/.exec(message)?.[1];
  return item === undefined ? 0 : (itemOffsets(text)[Number(item)] ?? 0);
}
