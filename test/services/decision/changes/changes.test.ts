import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityUid } from '../../../../core/access/entity.ts';
import { formatUid } from '../../../../core/access/entity.ts';
import { type LedgerEvent, SYSTEM_ACTOR } from '../../../../core/access/event.ts';
import { GrantTable } from '../../../../core/access/grant-table.ts';
import type { PolicyFiles } from '../../../../core/policy/files.ts';
import { Changes } from '../../../../services/decision/changes/changes.ts';
import { WATCHES_OF_CALLER } from '../../../../services/decision/limits.ts';
import { applied, type LocalDecision, localDecision } from '../local-decision.ts';
import { directory, entity, long, person, ref, robot, set, site, team, vault } from '../people.ts';
import { policyFiles } from '../policy-files.ts';

let files: PolicyFiles;
let local: LocalDecision;
let changes: Changes;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files);
  changes = new Changes(local.context.followed);
  await local.replica.reset({
    epoch: '',
    revision: 100n,
    hash: Buffer.alloc(32),
    basisRevision: 100n,
    grants: new GrantTable(),
    locks: [],
    entities: [...directory],
    policyDigest: local.replica.engine.policies.digest,
  });
  return () => changes.stop();
});

const at = new Date('2026-03-01T12:00:00Z');
let revision = 100n;

/** What a stream hears of the event. */
async function heard(event: LedgerEvent): Promise<readonly string[] | 'all' | 'nothing'> {
  const backlog = changes.open(robot('door'));
  revision = local.replica.revision + 1n;
  await local.replica.apply({ revision, hash: Buffer.alloc(32), previousHash: Buffer.alloc(32), event });
  const change = backlog.take();
  changes.close(backlog);
  if (change === undefined) return 'nothing';
  expect(change.revision).toBe(revision);
  return change.named === 'all' ? 'all' : [...change.named.values()].map(formatUid).toSorted();
}

const names = (...uids: readonly EntityUid[]): readonly string[] => uids.map(formatUid).toSorted();

describe('a change of the directory names', () => {
  it('whoever is inside of a group, two levels deep', async () => {
    await heard(applied([entity(team('night'), [team('guards')])], at));
    await heard(applied([entity(person('otto'), [team('night')], { clearance: long(1n) })], at));
    const named = await heard(applied([entity(team('guards'), [team('chiefs')])], at));
    expect(named).toEqual(expect.arrayContaining([...names(person('otto'), person('gus'), team('night'))]));
  });

  it('what policies reach the entity from, and nobody else', async () => {
    expect(await heard(applied([entity(person('kim'), [], { clearance: long(2n) })], at))).toEqual(
      names(person('kim'), vault('plain'), vault('secret')),
    );
    expect(await heard(applied([entity(person('otto'), [], { clearance: long(2n) })], at))).toEqual(
      names(person('otto')),
    );
  });

  it('who is not there any more', async () => {
    expect(await heard({ kind: 'ENTITIES_DELETED', at, actor: SYSTEM_ACTOR, uids: [site('main')] })).toEqual(
      names(site('main'), vault('plain'), vault('secret')),
    );
  });

  it('everything, when it reaches too far', async () => {
    const many = Array.from({ length: 1_001 }, (_, index) =>
      entity(vault(`v${index}`), [site('main')], {
        secrecy: long(0n),
        keepers: set(ref(person('kay'))),
        limit: long(1n),
      }),
    );
    expect(await heard(applied(many, at))).toBe('all');
    expect(await heard(applied([entity(site('main'))], at))).toBe('all');
    expect(await heard(applied([entity(person('kay'), [], { clearance: long(3n) })], at))).toBe('all');
  });
});

describe('a change of locks and policies names', () => {
  const lock = { lockId: 'l1', text: 'why', at, actor: SYSTEM_ACTOR } as const;

  it('the target with everything inside', async () => {
    const target = { kind: 'entity', uid: site('main') } as const;
    const wanted = names(site('main'), vault('plain'), vault('secret'));
    expect(await heard({ kind: 'LOCK_CREATED', ...lock, target, createdBy: person('cem') })).toEqual(wanted);
    expect(await heard({ kind: 'LOCK_LIFTED', ...lock, target })).toEqual(wanted);
  });

  it('W2 the other accounts of whoever is locked, and of whoever becomes so later', async () => {
    const whose = (id: string, name: string) => ({
      ...entity(person(id), [], { clearance: long(1n) }),
      attributes: new Map([['person', { kind: 'string', value: name } as const]]),
    });
    const spare = person('otto-too');
    const accounts = names(person('otto'), spare);
    await heard(applied([whose('otto', 'Otto'), whose('otto-too', 'Otto')], at));
    const target = { kind: 'entity', uid: person('otto') } as const;
    expect(await heard({ kind: 'LOCK_CREATED', ...lock, target, createdBy: person('cem') })).toEqual(
      accounts,
    );
    expect(await heard({ kind: 'LOCK_LIFTED', ...lock, target })).toEqual(accounts);
    const guards = { kind: 'entity', uid: team('guards') } as const;
    await heard({ kind: 'LOCK_CREATED', ...lock, target: guards, createdBy: person('cem') });
    const joined = { ...whose('otto', 'Otto'), parents: [team('guards')] };
    expect(await heard(applied([joined], at))).toEqual(accounts);
    expect(await heard(applied([whose('otto', 'another')], at))).toBe('all');
    expect(await heard(applied([whose('otto', 'another')], at))).toEqual(names(person('otto')));
  });

  it('everything, when everything is locked or another set is in force', async () => {
    const target = { kind: 'everything' } as const;
    expect(await heard({ kind: 'LOCK_CREATED', ...lock, target, createdBy: person('cem') })).toBe('all');
    const { digest } = local.replica.engine.policies;
    expect(await heard({ kind: 'POLICY_ACTIVATED', at, actor: SYSTEM_ACTOR, digest })).toBe('all');
  });
});

describe('a client that takes nothing', () => {
  it('costs no more than one change, that says everything', async () => {
    const backlog = changes.open(robot('door'));
    const named = new Map(Array.from({ length: 1_000 }, (_, index) => [`${index}`, person(`${index}`)]));
    for (let index = 1n; index <= 20n; index += 1n)
      backlog.push({ revision: index, named, isOfGrants: false });
    const taken = [backlog.take(), backlog.take()];
    expect(taken).toEqual([{ revision: 20n, named: 'all', isOfGrants: false }, undefined]);
    await Promise.resolve();
  });

  it('has only so many streams', () => {
    for (let open = 0; open < WATCHES_OF_CALLER; open += 1) changes.open(robot('door'));
    expect(() => changes.open(robot('door'))).toThrow(/wanted fewer/);
    changes.open(robot('stray'));
  });
});

it('a start from another snapshot ends every stream', async () => {
  const backlog = changes.open(robot('door'));
  await local.replica.reset({
    epoch: 'other',
    revision: 5n,
    hash: Buffer.alloc(32),
    basisRevision: 5n,
    grants: new GrantTable(),
    locks: [],
    entities: [],
    policyDigest: local.replica.engine.policies.digest,
  });
  expect(backlog.isOver).toBe(true);
});
