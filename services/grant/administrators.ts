import { Directory } from '../../core/access/directory.ts';
import { type Entity, type EntityUid, uidKey } from '../../core/access/entity.ts';
import { policiesAbout } from '../../core/policy/policies-about.ts';
import { curfewAction, SYSTEM } from '../../core/policy/schema-shape.ts';
import { askInPassing, type Rules } from '../../core/replica/rights.ts';
import { takeTurns } from './give-way.ts';

/** Who could administer: the first that is found, nobody, or nobody is there at all yet. */
export type Administrator =
  | { readonly kind: 'found'; readonly uid: EntityUid }
  | { readonly kind: 'nobody' | 'nobody-there' };

/** What to do about a set under which nobody could administer. */
export const NOBODY_ADMINISTERS =
  'nobody of the directory could administer Curfew under these policies, so nobody could mend them or the directory: permit Curfew::Action::"administer" on Curfew::System::"curfew" to somebody in workflows/, or put whom it names into directory.json';

/** Looks for a person or a service of the directory who may administer; gives way. */
export async function findAdministrator(
  rules: Rules,
  now: Date,
  signal?: AbortSignal,
): Promise<Administrator> {
  const { personTypes, serviceTypes } = rules.engine.policies.schema;
  const types = new Set([...personTypes, ...serviceTypes]);
  const giveWay = takeTurns();
  const seen = new Set<string>();
  for (const { uid } of possible(rules, types)) {
    await giveWay(signal);
    const key = uidKey(uid);
    if (seen.has(key) || !types.has(uid.type)) continue;
    seen.add(key);
    const question = { right: 'administer', principal: uid, resource: SYSTEM, now } as const;
    if (askInPassing(rules, question).decision === 'allow') return { kind: 'found', uid };
  }
  for (const { uid } of rules.directory.all()) if (types.has(uid.type)) return { kind: 'nobody' };
  return { kind: 'nobody-there' };
}

/** The directory as it would be with these entities created or replaced. */
export function directoryWith(directory: Directory, changed: readonly Entity[]): Directory {
  if (changed.length === 0) return directory;
  const then = new Directory();
  for (const entity of directory.all()) then.apply(entity);
  for (const entity of changed) then.apply(entity);
  return then;
}

/** Everybody whom a permit could let administer, by its head. */
function* possible({ engine, directory }: Rules, types: ReadonlySet<string>): Iterable<Entity> {
  const { policies } = engine;
  const action = curfewAction(policies.schema, 'administer');
  if (action === undefined) return;
  const kinds = [...types].map(
    (principalType) => ({ phase: 'workflows', action, principalType, resourceType: SYSTEM.type }) as const,
  );
  const permits = new Set(kinds.flatMap((kind) => policiesAbout(policies, kind)));
  for (const { effect, principal } of permits) {
    if (effect !== 'permit') continue;
    if (principal.kind === 'any' || principal.kind === 'is') {
      yield* directory.all();
      continue;
    }
    const entity = directory.get(principal.uid);
    if (entity !== undefined) yield entity;
    yield* directory.descendants(principal.uid);
  }
}
