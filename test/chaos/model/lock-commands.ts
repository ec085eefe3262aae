import fc from 'fast-check';
import type { LockTarget } from '../../../core/access/lock.ts';
import { deepStrictEqual } from 'node:assert/strict';
import { Command, index, missing, type Share, tried, wanted } from './command.ts';
import { user } from './entities.ts';
import { lock as locked, unlock as unlocked } from './grant-calls.ts';
import { lockRefusal, unlockRefusal } from './grant-refusal.ts';
import type { Model } from './model.ts';
import { isStanding } from './locks.ts';
import type { ModelLock, ModelTarget } from './records.ts';
import { KINDS } from './terms.ts';

const KEEPERS = ['dee', 'dee', 'sam', 'sam', 'bob', 'ada'] as const;

type Aim = ModelTarget['kind'];

function targetOf(model: Model, share: Share, aim: Aim, which: number): ModelTarget | undefined {
  switch (aim) {
    case 'everything':
      return { kind: aim };
    case 'person':
      return { kind: aim, id: ['ada', 'bob', 'eve', 'sam', 'dee', 'cy'][which] ?? missing() };
    case 'group':
      return { kind: aim, id: which % 2 === 0 ? 'staff' : 'security' };
    case 'database':
      return { kind: aim, id: share.databases.get(KINDS[which] ?? '') ?? missing() };
    case 'grant': {
      const grant = model.grants.at(-1 - which);
      return grant === undefined ? undefined : { kind: aim, grant };
    }
  }
}

function inWorld(target: ModelTarget): LockTarget {
  switch (target.kind) {
    case 'everything':
      return target;
    case 'grant':
      return { kind: 'grant', grantId: target.grant.id };
    case 'person':
      return { kind: 'entity', uid: user(target.id) };
    case 'group':
      return { kind: 'entity', uid: { type: 'Group', id: target.id } };
    case 'database':
      return { kind: 'entity', uid: { type: 'Database', id: target.id } };
  }
}

export const lock = fc
  .record({
    by: fc.constantFrom(...KEEPERS),
    aim: fc.constantFrom<Aim>(
      'person',
      'person',
      'person',
      'database',
      'database',
      'grant',
      'group',
      'everything',
    ),
    which: index,
    minutes: fc.constantFrom(15, 15, 15, undefined),
  })
  .map(
    ({ by, aim, which, minutes }) =>
      new Command(
        `lock ${by} ${aim} #${which} ${minutes ?? ''}`,
        (model) => aim !== 'grant' || model.grants.length > which,
        async (model, share) => {
          const target = targetOf(model, share, aim, which) ?? missing();
          const { reason, result } = await tried(
            locked(share.world.context, by, { target: inWorld(target), minutes }),
          );
          deepStrictEqual(reason, lockRefusal(model, by, target));
          if (result === undefined) return false;
          const endsAt = minutes === undefined ? undefined : model.now + minutes;
          model.locks.all.push({ id: result, target, endsAt, isLifted: false });
          return true;
        },
      ),
  );

function lockAt({ locks: { all } }: Model, which: number): ModelLock {
  return all[all.length - 1 - (which % all.length)] ?? missing();
}

/**
 * Whoever is stopped by one lock, and would lift another of their own that stops nothing any more, is told of either:
 * by how long memory keeps that other lock, or its grant.
 */
function isSure({ locks, now }: Model, by: string, lock: ModelLock): boolean {
  return isStopping(lock, now) || lock.isLifted || !locks.isOwn(lock, by) || !locks.isLocked(by, now);
}

function isStopping(lock: ModelLock, now: number): boolean {
  const { target } = lock;
  return isStanding(lock, now) && !(target.kind === 'grant' && target.grant.state === 'ENDED');
}

export const unlock = fc.record({ by: fc.constantFrom(...KEEPERS), which: index }).map(
  ({ by, which }) =>
    new Command(
      `unlock ${by} #${which}`,
      (model) => model.locks.all.length > 0 && isSure(model, by, lockAt(model, which)),
      async (model, share) => {
        const it = lockAt(model, which);
        const reason = unlockRefusal(model, by, it);
        if (!(await wanted(reason, unlocked(share.world.context, by, it.id)))) return false;
        it.isLifted = true;
        return true;
      },
    ),
);
