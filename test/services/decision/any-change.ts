import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { uidKey } from '../../../core/access/entity.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { applied, type LocalDecision, questionOf } from './local-decision.ts';
import {
  action,
  attributes,
  bool,
  entity,
  goodContext,
  long,
  person,
  ref,
  set,
  site,
  team,
  vault,
} from './people.ts';

const PEOPLE = ['otto', 'gus', 'kim'].map(person);
const RESOURCES = [vault('plain'), vault('secret'), site('main')];
const STATES = ['ACTIVE', 'SCHEDULED', 'CLAIMABLE'] as const;
const minuteMs = 60_000;

/** Something that may change what is decided. */
export type Change = (local: LocalDecision, other: PolicyFiles, files: PolicyFiles) => Promise<unknown>;

const index = fc.nat({ max: 2 });
const at = <T>(all: readonly T[], place: number): T => all[place % all.length] as T; // never empty

const start = fc
  .record({
    who: index,
    where: index,
    state: index,
    after: fc.nat({ max: 3 }),
    minutes: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ who, where, state, after, minutes }): Change => {
    return (local) => {
      const startsMs = local.machine.wall + after * minuteMs;
      return local.start({
        subject: at(PEOPLE, who),
        resource: at(RESOURCES, where),
        actions: ['open', 'look', 'peek'],
        // one that begins later is scheduled, and no other
        state: after > 0 ? 'SCHEDULED' : at(STATES, state === 1 ? 0 : state),
        startsAt: new Date(startsMs),
        expiresAt: new Date(startsMs + minutes * minuteMs),
      });
    };
  });
const end = index.map(
  (which): Change =>
    async (local) => {
      const grant = at([...local.replica.grants.all(), undefined], which);
      if (grant !== undefined) await local.end(grant.id);
    },
);
const lock = fc.record({ what: fc.nat({ max: 3 }), lasts: index }).map(({ what, lasts }): Change => {
  return async (local) => {
    const grant = at([...local.replica.grants.all(), undefined], what);
    const targets: readonly LockTarget[] = [
      { kind: 'everything' },
      { kind: 'entity', uid: at(PEOPLE, what) },
      { kind: 'entity', uid: site('main') },
      grant === undefined ? { kind: 'entity', uid: vault('plain') } : { kind: 'grant', grantId: grant.id },
    ];
    await local.apply({
      kind: 'LOCK_CREATED',
      at: new Date(local.machine.wall),
      actor: uidKey(person('cem')),
      lockId: randomUUID(),
      target: at(targets, what),
      createdBy: person('cem'),
      ...(lasts === 0 ? {} : { expiresAt: new Date(local.machine.wall + lasts * minuteMs) }),
      text: 'a reason',
    });
  };
});
const lift = fc.constant<Change>(async (local) => {
  const held = [{ kind: 'everything' }, ...PEOPLE.map((uid) => ({ kind: 'entity', uid }))] as LockTarget[]; // literals
  const locks = held.flatMap((target) =>
    target.kind === 'entity'
      ? local.replica.locks.onEntities([uidKey(target.uid)], new Date(0))
      : local.replica.locks.onEverything(new Date(0)),
  );
  for (const { id, target } of locks)
    await local.apply({
      kind: 'LOCK_LIFTED',
      at: new Date(local.machine.wall),
      actor: uidKey(person('cem')),
      lockId: id,
      target,
      text: 'over',
    });
});
const directory = fc
  .record({ who: index, isGuard: fc.boolean(), secrecy: fc.nat({ max: 3 }), isKeeper: fc.boolean() })
  .map(
    ({ who, isGuard, secrecy, isKeeper }): Change =>
      (local) =>
        local.apply(
          applied(
            [
              entity(at(PEOPLE, who), isGuard ? [team('guards')] : [], { clearance: long(1n) }),
              entity(vault('plain'), [site('main')], {
                secrecy: long(BigInt(secrecy)),
                keepers: set(...(isKeeper ? [ref(at(PEOPLE, who))] : [])),
                limit: long(5n),
              }),
            ],
            new Date(local.machine.wall),
          ),
        ),
  );
const activate = fc.boolean().map(
  (isOther): Change =>
    (local, other, files) =>
      local.activate(isOther ? other : files),
);
const pass = fc.integer({ min: -2, max: 3 }).map(
  (minutes): Change =>
    async (local) => {
      // the wall clock may be set back; the other goes on
      local.machine.wall += minutes * minuteMs;
      if (minutes > 0) local.machine.monotonic += minutes * minuteMs;
      local.poll();
    },
);
const silence = fc.nat({ max: 3 }).map(
  (seconds): Change =>
    async (local) =>
      local.machine.advance(seconds * 900),
);

/** What people ask about before and after changes. */
export const QUESTIONS = PEOPLE.flatMap((principal) =>
  RESOURCES.flatMap((resource) => [
    questionOf({ principal, resource, action: action('look'), context: attributes({}) }),
    questionOf({ principal, resource, action: action('peek'), context: attributes({}) }),
    ...(resource.type === 'Vault'
      ? [goodContext, { ...goodContext, mfa: bool(false) }, { ...goodContext, weight: long(7n) }].map(
          (sent) => questionOf({ principal, resource, context: attributes(sent) }),
        )
      : []),
  ]),
);

export const anyChange = fc.oneof(start, start, end, lock, lift, directory, activate, pass, silence);
