import { randomUUID } from 'node:crypto';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GrantAction, GrantState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database, reasonOf } from './ask.ts';
import { decided, granted, grantOf, grantsAs, kindsOf, person } from './life.ts';
import { lifted, locked } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

it('a grant that waits for its first use is neither activated nor used while a lock stops it, and waits on', async () => {
  const grantId = await granted(stack, 'claim-1');
  for (const target of [{ grantId }, { entity: person('ada') }, { entity: database('claim-1') }]) {
    const { id, revision } = await locked(stack, target);
    expect(await reasonOf((await grantsAs(stack, 'ada')).activateGrant({ id: grantId }))).toBe('LOCKED');
    const robot = await grantsAs(stack, 'robot', 'Service');
    expect(await reasonOf(robot.useGrant({ id: grantId, useId: randomUUID() }))).toBe('LOCKED');
    expect(await decided(stack, { resource: 'claim-1', revision })).toBe('DENY');
    await lifted(stack, id, 'dee');
  }
  const { grant, revision } = await (await grantsAs(stack, 'ada')).activateGrant({ id: grantId });
  expect(grant?.state).toBe(GrantState.ACTIVE);
  expect(await decided(stack, { resource: 'claim-1', revision })).toBe('ALLOW');
});

it('a use is not counted while the grant is locked', async () => {
  const grantId = await granted(stack, 'counted-1');
  const { id } = await locked(stack, { grantId });
  const robot = await grantsAs(stack, 'robot', 'Service');
  expect(await reasonOf(robot.useGrant({ id: grantId, useId: 'one' }))).toBe('LOCKED');
  await lifted(stack, id, 'dee');
  const { usesLeft } = await robot.useGrant({ id: grantId, useId: 'one' });
  expect((await grantOf(stack, grantId)).usesLeft).toBe(usesLeft);
  expect((await kindsOf(stack, grantId)).filter((kind) => kind === 'GRANT_USED')).toHaveLength(1);
});

it('a grant says which locks stop it, until when, and why to whoever may see the lock', async () => {
  const grantId = await granted(stack, 'auto-3', { seconds: 600 });
  expect((await grantOf(stack, grantId)).locks).toEqual([]);
  const there = await locked(stack, { entity: { type: 'Environment', id: 'auto' } }, { seconds: 60 });
  const own = await locked(stack, { grantId });
  const all = await locked(stack, { everything: true });
  const shown = async (who: string) => {
    const { locks, state, allowedActions } = await grantOf(stack, grantId, who);
    return { locks: locks.map(({ id, reason }) => [id, reason]), state, allowedActions };
  };
  expect(await shown('ada')).toEqual({
    // Nobody told ada of the locks on what is not hers.
    locks: [
      [all.id, ''],
      [there.id, ''],
      [own.id, 'an incident'],
    ],
    state: GrantState.ACTIVE,
    allowedActions: [GrantAction.RELEASE],
  });
  expect((await shown('sam')).locks).toEqual([all, there, own].map(({ id }) => [id, 'an incident']));
  const { grants } = await (await grantsAs(stack, 'ada')).listGrants({ subject: person('ada') });
  const listed = grants.find(({ id }) => id === grantId);
  expect(listed?.locks.map(({ expiresAt }) => expiresAt?.seconds)).toEqual([
    undefined,
    there.expiresAt?.seconds,
    undefined,
  ]);
  for (const { id } of [all, own]) await lifted(stack, id, 'dee');
  expect((await grantOf(stack, grantId)).locks.map(({ id }) => id)).toEqual([there.id]);
  await lifted(stack, there.id, 'dee');
  expect((await grantOf(stack, grantId)).allowedActions).toContain(GrantAction.EXTEND);
});

it('who is locked is offered nothing, though they see their grant', async () => {
  const grantId = await granted(stack, 'auto-3', { seconds: 600 });
  const { id } = await locked(stack, { entity: person('ada') });
  const { locks, allowedActions, mayRelease } = await grantOf(stack, grantId);
  expect(locks.map((lock) => [lock.id, lock.reason])).toEqual([[id, 'an incident']]);
  expect([allowedActions, mayRelease]).toEqual([[], false]);
  await lifted(stack, id, 'dee');
});

it('a locked grant is not extended', async () => {
  const grantId = await granted(stack, 'auto-1', { seconds: 1_800 });
  const { id } = await locked(stack, { grantId });
  const extension = { id: grantId, duration: durationFromMs(60_000), reason: 'not done yet' };
  const { extendGrant } = await grantsAs(stack, 'ada');
  expect(await reasonOf(extendGrant(extension))).toBe('LOCKED');
  await lifted(stack, id, 'dee');
  const { grant } = await extendGrant(extension);
  expect(grant?.extensions).toBe(1);
});

it('a locked grant permits nothing, keeps running, and is in the history of the grant', async () => {
  const grantId = await granted(stack, 'auto-2', { seconds: 600 });
  const lock = await locked(stack, { grantId });
  const robot = await stack.as('robot', 'Service');
  const { lockIds, advice, effect } = await robot.services.decision.authorize({
    principal: person('ada'),
    action: { type: 'Action', id: 'read' },
    resource: database('auto-2'),
    atLeastRevision: lock.revision,
  });
  expect({ effect, lockIds, advice }).toEqual({
    effect: 2,
    lockIds: [lock.id],
    advice: [`a grant for this is locked (lock ${lock.id})`],
  });
  expect((await grantOf(stack, grantId)).state).toBe(GrantState.ACTIVE);
  const revision = await lifted(stack, lock.id, 'dee');
  expect(await decided(stack, { resource: 'auto-2', revision })).toBe('ALLOW');
  expect(await kindsOf(stack, grantId)).toEqual(['GRANT_STARTED', 'LOCK_CREATED', 'LOCK_LIFTED']);
});

it('a start that comes while a lock stops it is waited with, and the grant begins when it is lifted', async () => {
  const startsAt = new Date(Date.now() + 1_500);
  const grantId = await granted(stack, 'plain-1', { seconds: 600, startsAt });
  const { id, revision } = await locked(stack, { entity: person('ada') });
  expect(await decided(stack, { resource: 'plain-1', revision })).toBe('DENY');
  await expect
    .poll(() => stack.query<{ at: Date }>('SELECT clock_timestamp() AS at').then(([row]) => row?.at), {
      timeout: 120_000,
    })
    .toSatisfy((at: Date) => at > startsAt);
  // Whoever touches it neither begins it nor ends it.
  const other = await locked(stack, { grantId });
  expect(await kindsOf(stack, grantId)).toEqual(['GRANT_STARTED', 'LOCK_CREATED']);
  expect(await decided(stack, { resource: 'plain-1', revision: other.revision })).toBe('DENY');
  await lifted(stack, id, 'dee');
  const after = await lifted(stack, other.id, 'dee');
  expect(await decided(stack, { resource: 'plain-1', revision: after })).toBe('ALLOW');
});

it('a grant that waits is held back while somebody who approved it is locked, and begins when they are not', async () => {
  const grantId = await granted(stack, 'claim-2', { seconds: 600 });
  const { id, revision } = await locked(stack, { entity: person('bob') }, { seconds: 60 });
  expect(await reasonOf((await grantsAs(stack, 'ada')).activateGrant({ id: grantId }))).toBe('LOCKED');
  expect(await decided(stack, { resource: 'claim-2', revision })).toBe('DENY');
  expect(await kindsOf(stack, grantId)).toEqual(['GRANT_STARTED']);
  const after = await lifted(stack, id, 'dee');
  expect(await decided(stack, { resource: 'claim-2', revision: after })).toBe('ALLOW');
});

it('so is one whose start has come', async () => {
  const startsAt = new Date(Date.now() + 1_500);
  const grantId = await granted(stack, 'plain-2', { seconds: 600, startsAt });
  const { id } = await locked(stack, { entity: person('bob') });
  await expect
    .poll(() => stack.query<{ at: Date }>('SELECT clock_timestamp() AS at').then(([row]) => row?.at), {
      timeout: 120_000,
    })
    .toSatisfy((at: Date) => at > startsAt);
  const robot = await grantsAs(stack, 'robot', 'Service');
  expect(await reasonOf(robot.useGrant({ id: grantId, useId: randomUUID() }))).toBe('LOCKED');
  expect(await kindsOf(stack, grantId)).toEqual(['GRANT_STARTED']);
  const revision = await lifted(stack, id, 'dee');
  expect(await decided(stack, { resource: 'plain-2', revision })).toBe('ALLOW');
});
