import type { Directory } from '../../core/access/directory.ts';
import { type Entity, type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import { mixedScripts } from '../../core/access/id-text.ts';
import { lookOf } from '../../core/access/look.ts';
import { checkEntity } from '../../core/policy/check-question.ts';
import type { SchemaShape } from '../../core/policy/schema-shape.ts';

/** One thing that is wrong with one of several entities. */
export interface EntityViolation {
  /** Which of them. */
  readonly index: number;
  /** Within it: `parents`, `attributes.owners`. */
  readonly path: string;
  /** `seen …, wanted …` */
  readonly description: string;
}

/** What entities are to be laid over. */
export interface Surroundings {
  readonly schema: SchemaShape;
  readonly directory: Directory;
  /** Uid keys of parents that may be named though the directory does not have them. */
  readonly absent?: ReadonlySet<string>;
  /** What the entities come with, for messages: `this call`. */
  readonly source: string;
}

/** Everything that is wrong with entities that are about to be applied together, each named once. */
export function checkEntities(entities: readonly Entity[], around: Surroundings): readonly EntityViolation[] {
  return entities.flatMap(entityChecker(entities, around));
}

/** Checks one of entities that are about to be applied together. */
type EntityChecker = (entity: Entity, index: number) => readonly EntityViolation[];

/** The same one by one, for whoever gives way in between. */
export function entityChecker(entities: readonly Entity[], around: Surroundings): EntityChecker {
  const { schema, directory, absent, source } = around;
  const changed = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const parentsOf = (uid: EntityUid, key: string): readonly EntityUid[] =>
    (changed.get(key) ?? directory.get(uid))?.parents ?? [];
  const named = new Set(entities.flatMap((entity) => entity.parents.map(uidKey)));
  /** Nothing is inside of most, so that they are not inside of themselves. */
  const mayBeInsideItself = ({ uid }: Entity): boolean =>
    named.has(uidKey(uid)) || directory.hasChildren(uid);
  const isKnown = (uid: EntityUid): boolean => {
    const key = uidKey(uid);
    return changed.has(key) || directory.has(uid) || absent?.has(key) === true;
  };
  const looks = personLooks(entities, schema);
  return (entity, index) => [
    ...unclear(entity, { directory, schema, looks }).map((description) => ({
      index,
      path: 'uid',
      description,
    })),
    ...checkEntity(schema, entity).map(({ path, seen, wanted }) => ({
      index,
      path,
      description: `seen ${seen}, wanted ${wanted}`,
    })),
    ...entity.parents
      .filter((parent) => !isKnown(parent))
      .map((parent) => ({
        index,
        path: 'parents',
        description: `seen ${formatUid(parent)}, which neither the directory nor ${source} has`,
      })),
    ...(mayBeInsideItself(entity) && isInsideItself(entity, parentsOf)
      ? [{ index, path: 'parents', description: 'seen a cycle: the entity would be inside itself' }]
      : []),
  ];
}

function isInsideItself(
  entity: Entity,
  parentsOf: (uid: EntityUid, key: string) => readonly EntityUid[],
): boolean {
  const above = new Map(entity.parents.map((parent) => [uidKey(parent), parent]));
  // A Map visits what is added while it is walked.
  for (const [key, uid] of above) for (const parent of parentsOf(uid, key)) above.set(uidKey(parent), parent);
  return above.has(uidKey(entity.uid));
}

/** By look: the people among the entities, who must not look like each other either. */
function personLooks(
  entities: readonly Entity[],
  { personTypes }: SchemaShape,
): ReadonlyMap<string, readonly EntityUid[]> {
  const people = entities.map(({ uid }) => uid).filter(({ type }) => personTypes.includes(type));
  return Map.groupBy(people, ({ id }) => lookOf(id));
}

/** What a new id could be taken for by those who read it. */
function unclear(entity: Entity, among: Parameters<typeof lookAlikes>[1]): readonly string[] {
  const alike = lookAlikes(entity, among);
  return alike.length > 0 ? alike : scriptsMixed(entity, among.directory);
}

/** Two people whose names look the same could act for each other, and whoever approves would not see it. */
function lookAlikes(
  { uid }: Entity,
  {
    directory,
    schema,
    looks,
  }: Pick<Surroundings, 'directory' | 'schema'> & { readonly looks: ReturnType<typeof personLooks> },
): readonly string[] {
  if (!schema.personTypes.includes(uid.type) || directory.has(uid)) return [];
  const other =
    directory.lookAlike(uid) ??
    looks.get(lookOf(uid.id))?.find((it) => it.type === uid.type && it.id !== uid.id);
  if (other === undefined) return [];
  return [
    `seen ${formatUid(uid)}, which looks like ${formatUid(other)}; wanted an id that nobody takes for another's`,
  ];
}

/** A letter of another script that looks the same would make a new entity of what looks like one that is there. */
function scriptsMixed({ uid }: Entity, directory: Directory): readonly string[] {
  const scripts = directory.has(uid) ? [] : mixedScripts(uid.id);
  if (scripts.length === 0) return [];
  return [`seen ${formatUid(uid)}, which mixes letters of ${scripts.join(', ')}; wanted those of one script`];
}
