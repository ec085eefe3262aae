import { AccessError } from '../../core/access/access-error.ts';
import type { Directory } from '../../core/access/directory.ts';
import { type Entity, formatUid, uidKey } from '../../core/access/entity.ts';
import { checkEntity, fitEntity } from '../../core/policy/check-question.ts';
import { itemOffsets } from '../../core/policy/directory-file.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import type { SchemaShape } from '../../core/policy/schema-shape.ts';
import { problemAt, sourceText } from '../../core/policy/source-text.ts';
import { fromProtoEntity, toProtoEntity } from '../../core/rpc/values.ts';
import { deletedAmong } from '../../core/store/entities.ts';
import type { Trx } from '../../core/store/transition.ts';
import { checkEntities, type EntityViolation } from './check-entities.ts';
import { inOrder } from '../../core/access/entity-order.ts';
import { entityDigest } from './said-entity.ts';
import { withoutSeen } from './without-seen.ts';

export const DIRECTORY_FILE = 'directory.json';

/** A `directory.json` that could be read. */
export interface DirectoryFile {
  readonly entities: readonly Entity[];
  readonly text: string;
}

/** What a `directory.json` is held against. */
export interface DirectoryState {
  readonly schema: SchemaShape;
  readonly directory: Directory;
  /** What the file said of each entity when it was last taken from it: digests by uid key. */
  readonly said: ReadonlyMap<string, string>;
}

/** What a `directory.json` comes to. */
export interface DirectoryPlan {
  /** To be applied. */
  readonly changed: readonly Entity[];
  /** Uid keys that it lists though they were deleted. */
  readonly deleted: readonly string[];
  /** What is wrong with it, for people; nothing is to be applied then. */
  readonly problems: readonly string[];
}

/**
 * Works out what a `directory.json` changes. The file speaks once: an entity of it is applied when the file says something else of
 * it than when it was last applied from the file (or lists it for the first time), so that what the API changed or removed since
 * then stays, across restarts, until somebody edits that very entity in the file. The ledger remembers what the file said. A deleted
 * id never comes back from the file, and may stay listed there, as an entity and as a parent.
 */
export async function planDirectory(
  trx: Trx,
  file: DirectoryFile,
  state: DirectoryState,
): Promise<DirectoryPlan> {
  const { schema, directory, said } = state;
  const entities = file.entities.map((entity) => inOrder(fitEntity(schema, entity)));
  const unsayable = entities.flatMap(wireViolations);
  // Postgres is not asked about ids that it may not even be able to hold.
  if (unsayable.length > 0) return { changed: [], deleted: [], problems: describe(file, unsayable) };
  const absent = await deletedBelow(trx, entities);
  const isDeleted = (entity: Entity): boolean => absent.has(uidKey(entity.uid));
  const isChanged = (entity: Entity): boolean =>
    !isDeleted(entity) && said.get(uidKey(entity.uid)) !== entityDigest(entity);
  const changed = entities.filter(isChanged);
  const places = new Map(entities.map((entity, index) => [entity, index]));
  const ofChanged = checkEntities(changed, { schema, directory, absent, source: DIRECTORY_FILE }).map(
    (violation) => ({ ...violation, index: placeOf(places, changed[violation.index]) }),
  );
  const ofOthers = entities
    .filter((entity) => !isDeleted(entity) && !isChanged(entity))
    .flatMap((entity) => schemaViolations(schema, entity, placeOf(places, entity)));
  return {
    changed,
    deleted: entities.filter(isDeleted).map((entity) => uidKey(entity.uid)),
    problems: describe(file, [...ofChanged, ...ofOthers]),
  };
}

/** What keeps a schema from being put in force over a directory, for people. @param replaced uid keys that are about to be replaced */
export function directoryProblems(
  schema: SchemaShape,
  directory: Directory,
  replaced: ReadonlySet<string>,
): readonly string[] {
  const problems: string[] = [];
  for (const entity of directory.all()) {
    if (replaced.has(uidKey(entity.uid))) continue;
    for (const { path, description } of schemaViolations(schema, entity, 0))
      problems.push(
        `the directory in force: ${formatUid(entity.uid)}: ${path}: ${withoutSeen(description)}; change or delete the entity first, or keep the schema fit for it`,
      );
    if (problems.length >= MAX_PROBLEMS) break;
  }
  return problems;
}

/** Of many problems only the first are said. */
const MAX_PROBLEMS = 50;

/** The file goes through the checks that a call goes through. */
function wireViolations(entity: Entity, index: number): readonly EntityViolation[] {
  try {
    fromProtoEntity(toProtoEntity(entity), '');
    return [];
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return error.violations.map(({ field, description }) => ({
      index,
      path: field.replace(/^\./, ''),
      description,
    }));
  }
}

function schemaViolations(schema: SchemaShape, entity: Entity, index: number): readonly EntityViolation[] {
  return checkEntity(schema, entity).map(({ path, seen, wanted }) => ({
    index,
    path,
    description: `seen ${seen}, wanted ${wanted}`,
  }));
}

/** The uid keys among the entities and their parents that were deleted. */
async function deletedBelow(trx: Trx, entities: readonly Entity[]): Promise<ReadonlySet<string>> {
  const uids = new Map(
    entities.flatMap(({ uid, parents }) => [uid, ...parents].map((it) => [uidKey(it), it])),
  );
  const all = [...uids.values()];
  const deleted = new Set<string>();
  for (let start = 0; start < all.length; start += CHUNK)
    for (const key of await deletedAmong(trx, all.slice(start, start + CHUNK))) deleted.add(key);
  return deleted;
}

/** Far below the parameters that a statement may have. */
const CHUNK = 5_000;

function placeOf(places: ReadonlyMap<Entity, number>, entity: Entity | undefined): number {
  return (entity === undefined ? undefined : places.get(entity)) ?? 0;
}

function describe(file: DirectoryFile, violations: readonly EntityViolation[]): readonly string[] {
  if (violations.length === 0) return [];
  const source = sourceText(DIRECTORY_FILE, file.text);
  const offsets = itemOffsets(file.text);
  return violations.slice(0, MAX_PROBLEMS).map(({ index, path, description }) => {
    const name = file.entities.slice(index, index + 1).map((entity) => `${formatUid(entity.uid)}: `);
    const complaint = /^(attributes|tags)\b/.test(path) ? withoutSeen(description) : description;
    const problem = problemAt(source, offsets[index] ?? 0, `${name.join('')}${path}: ${complaint}`);
    // Without the source line, which has the attributes.
    return formatProblem({ ...problem, excerpt: '' });
  });
}
