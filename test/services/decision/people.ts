import type { Attributes, Entity, EntityUid, Value } from '../../../core/access/entity.ts';

/** Words for the entities and values of the policies beside this file. */
export const person = (id: string): EntityUid => ({ type: 'Person', id });
export const robot = (id: string): EntityUid => ({ type: 'Robot', id });
export const team = (id: string): EntityUid => ({ type: 'Team', id });
export const vault = (id: string): EntityUid => ({ type: 'Vault', id });
export const site = (id: string): EntityUid => ({ type: 'Site', id });
export const sheet = (id: string): EntityUid => ({ type: 'Sheet', id });
export const action = (id: string): EntityUid => ({ type: 'Action', id });

export const bool = (value: boolean): Value => ({ kind: 'bool', value });
export const long = (value: bigint): Value => ({ kind: 'long', value });
export const text = (value: string): Value => ({ kind: 'string', value });
export const ref = (uid: EntityUid): Value => ({ kind: 'entity', uid });
export const set = (...values: Value[]): Value => ({ kind: 'set', values });
export const ip = (argument: string): Value => ({ kind: 'extension', function: 'ip', argument });

export const attributes = (fields: Readonly<Record<string, Value>>): Attributes =>
  new Map(Object.entries(fields));

export function entity(
  uid: EntityUid,
  parents: readonly EntityUid[] = [],
  fields: Readonly<Record<string, Value>> = {},
): Entity {
  return { uid, parents, attributes: attributes(fields), tags: new Map() };
}

/** A context that no guardrail minds. */
export const goodContext = {
  mfa: bool(true),
  weight: long(1n),
  from: ip('10.1.2.3'),
} as const;

/** Keepers Kim and Kay; guards Gus and Gil; chief Cem; Otto in no team; the door of the main site asks about anybody. */
export const directory: readonly Entity[] = [
  entity(team('guards')),
  entity(team('chiefs')),
  entity(team('doors')),
  ...['kim', 'kay', 'otto'].map((id) => entity(person(id), [], { clearance: long(1n) })),
  ...['gus', 'gil'].map((id) => entity(person(id), [team('guards')], { clearance: long(2n) })),
  entity(person('cem'), [team('chiefs')], { clearance: long(9n) }),
  entity(robot('door'), [team('doors')]),
  entity(robot('stray')),
  entity(site('main')),
  vaultOf('plain', 0n),
  vaultOf('secret', 5n),
];

function vaultOf(id: string, secrecy: bigint): Entity {
  return entity(vault(id), [site('main')], {
    secrecy: long(secrecy),
    keepers: set(ref(person('kim')), ref(person('kay'))),
    limit: long(2n ** 63n - 2n),
  });
}
