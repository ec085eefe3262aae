import { beforeAll, expect, it } from 'vitest';
import type { ResolveCaller } from '../../../core/rpc/identity.ts';
import { Replica } from '../../../core/replica/replica.ts';
import { callerResolver } from '../../../core/replica/resolve-caller.ts';
import { applied, type LocalDecision, localDecision } from './local-decision.ts';
import { entity, long, person, robot, team, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';

let local: LocalDecision;

beforeAll(async () => {
  local = await localDecision(await policyFiles());
  const twins = [entity(person('twin'), [], { clearance: long(1n) }), entity(robot('twin'))];
  await local.apply(applied(twins, new Date(local.machine.wall)));
});

it.each<readonly [string, Parameters<ResolveCaller>[0], { type: string; id: string } | undefined]>([
  ['a person by its id', { id: 'kim', by: 'token' }, person('kim')],
  ['a service by its id', { id: 'door', by: 'token' }, robot('door')],
  ['a person by type and id', { id: 'kim', type: 'Person', by: 'token' }, person('kim')],
  ['nobody, when the type is another', { id: 'kim', type: 'Robot', by: 'token' }, undefined],
  ['nobody, when the id is of nobody', { id: 'nobody', by: 'token' }, undefined],
  ['nobody, when the id is in another case', { id: 'Kim', by: 'token' }, undefined],
  ['nobody, when a person and a service have the id', { id: 'twin', by: 'token' }, undefined],
  [
    'the person of two with the id, when the type says so',
    { id: 'twin', type: 'Person', by: 'token' },
    person('twin'),
  ],
  [
    'the service of two with the id, when the type says so',
    { id: 'twin', type: 'Robot', by: 'token' },
    robot('twin'),
  ],
  [
    'nobody, when the entity is neither person nor service',
    { id: 'plain', type: 'Vault', by: 'token' },
    undefined,
  ],
  ['nobody, when the entity is a group', { id: 'guards', by: 'token' }, undefined],
  ['a service by certificate', { id: 'door', by: 'certificate' }, robot('door')],
  ['no person by certificate', { id: 'kim', by: 'certificate' }, undefined],
  ['the service of two with the id, by certificate', { id: 'twin', by: 'certificate' }, robot('twin')],
])('knows %s', (_title, name, wanted) => {
  expect(local.replica.directory.has(vault('plain')) && local.replica.directory.has(team('guards'))).toBe(
    true,
  );
  expect(callerResolver(local.context.followed)(name)).toEqual(wanted);
});

it('says that it is not ready before the first snapshot, instead of knowing nobody', () => {
  const { followed } = local.context;
  const empty = new Replica(async () => ({ kind: 'none' }));
  const resolve = callerResolver({ ...followed, replica: empty });
  expect(() => resolve({ id: 'kim', by: 'token' })).toThrow(expect.objectContaining({ reason: 'NOT_READY' }));
});

it('knows whoever called last only until the directory changes', async () => {
  const resolve = callerResolver(local.context.followed);
  const name = { id: 'late', by: 'token' } as const;
  const late = entity(person('late'), [], { clearance: long(1n) });
  const at = new Date(local.machine.wall);
  expect(resolve(name)).toBeUndefined();
  await local.apply(applied([late], at));
  expect([resolve(name), resolve(name)]).toEqual([person('late'), person('late')]);
  expect(resolve({ ...name, type: 'Robot' })).toBeUndefined();
  await local.apply(applied([entity(robot('late'))], at));
  expect(resolve(name)).toBeUndefined();
});
