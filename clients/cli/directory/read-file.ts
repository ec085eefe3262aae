import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { itemOffsets, parseDirectory } from '../../../core/policy/directory-file.ts';
import type { Entity } from '../../../core/policy/directory-text.ts';
import { placeOf, sourceText } from '../../../core/policy/source-text.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { CliError, usageError } from '../cli-error.ts';
import { exitCode } from '../exit-code.ts';

/** A file of entities. */
export interface EntityFile {
  readonly entities: readonly Entity[];
  /** Where the entity stands: `people.json:12:3`. */
  readonly placeOf: (entity: Entity) => string;
}

/** Reads a file in Cedar's JSON form of entities. @throws CliError usage for one that cannot be read, by line and column */
export function readEntityFile(path: string, cwd: string): EntityFile {
  const text = readText(path, cwd);
  const read = parseDirectory(path, text);
  if (!read.ok) {
    const [problem] = read.problems;
    const message =
      problem === undefined ? `${path}: no entities` : formatProblem({ ...problem, excerpt: '' });
    throw new CliError(message, { exitCode: exitCode.usage, next: 'correct the file; nothing was sent' });
  }
  const { entities } = read;
  return {
    entities,
    placeOf(entity) {
      const source = sourceText(path, text);
      const { line, column } = placeOf(source, itemOffsets(text)[entities.indexOf(entity)] ?? 0);
      return `${path}:${line}:${column}`;
    },
  };
}

function readText(path: string, cwd: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(resolve(cwd, path)));
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is no text in UTF-8' : String(cause);
    throw usageError('file', `cannot read ${path}: ${cause instanceof TypeError ? why : messageOf(cause)}`);
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
