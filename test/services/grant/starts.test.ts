import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndReason, GrantAction, GrantState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { decided, granted, grantOf, grantsAs, instant, kindsOf, until } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const soon = (ms: number): Date => new Date(Date.now() + ms);

describe('a fixed start', () => {
  it('begins then and not before, and its time counts from there', { timeout: 120_000 }, async () => {
    const startsAt = soon(2_500);
    const id = await granted(stack, 'plain-1', { seconds: 60, startsAt });
    const grant = await grantOf(stack, id);
    expect(grant.state).toBe(GrantState.SCHEDULED);
    expect(instant(grant.startsAt)).toEqual(startsAt);
    expect(instant(grant.expiresAt)).toEqual(new Date(startsAt.getTime() + 60_000));
    const revision = grant.revision;
    const first = await decided(stack, { resource: 'plain-1', revision });
    if (Date.now() < startsAt.getTime()) expect(first).toBe('DENY');
    await until(
      () => decided(stack, { resource: 'plain-1' }),
      (answer) => answer === 'ALLOW',
    );
    expect(Date.now()).toBeGreaterThanOrEqual(startsAt.getTime() - 50);
    expect((await grantOf(stack, id)).state).toBe(GrantState.ACTIVE);
    // No job has written down that it began: its first use has.
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_OPENED']);
    await (await grantsAs(stack, 'ada')).releaseGrant({ id });
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_OPENED', 'GRANT_ENDED']);
  });

  it('of a request that is approved late begins with the approval and ends as it was asked for', {
    timeout: 120_000,
  }, async () => {
    const startsAt = soon(1_000);
    const request = await submitted(stack, 'ada', { resource: database('plain-2'), seconds: 60, startsAt });
    await until(
      () => stack.query<{ now: Date }>('SELECT clock_timestamp() AS now'),
      ([row]) => row !== undefined && row.now.getTime() > startsAt.getTime() + 500,
    );
    const grant = await grantOf(stack, grantIdOf((await vote(stack, 'bob', request)).request));
    expect(grant.state).toBe(GrantState.ACTIVE);
    expect(instant(grant.startsAt).getTime()).toBeGreaterThan(startsAt.getTime());
    expect(instant(grant.expiresAt)).toEqual(new Date(startsAt.getTime() + 60_000));
  });

  it('W4 is kept by an approval that took no seat, when one that did counts no more', {
    timeout: 120_000,
  }, async () => {
    const startsAt = soon(2_500);
    const request = await submitted(stack, 'ada', { resource: database('two-1'), seconds: 60, startsAt });
    await vote(stack, 'bob', request);
    await vote(stack, 'cy', request);
    const id = grantIdOf((await vote(stack, 'dee', request)).request);
    const { approvers } = await grantOf(stack, id);
    expect(approvers.map((it) => it.id)).toEqual(['bob', 'dee']);
    const { services } = await stack.as('root');
    await services.directory.deleteEntities({ uids: [{ type: 'User', id: 'bob' }] });
    await until(
      () => decided(stack, { resource: 'two-1' }),
      (answer) => answer === 'ALLOW',
    );
    const bob = { uid: { type: 'User', id: 'bob' } };
    await services.directory.applyEntities({ entities: [bob], allowReuse: true });
  });

  it('is judged once: who leaves after the first use had approved what goes on', {
    timeout: 120_000,
  }, async () => {
    const id = await granted(stack, 'plain-1', { seconds: 600, startsAt: soon(1_500) });
    await until(
      () => decided(stack, { resource: 'plain-1' }),
      (answer) => answer === 'ALLOW',
    );
    const { directory } = (await stack.as('root')).services;
    const { revision } = await directory.deleteEntities({ uids: [{ type: 'User', id: 'bob' }] });
    expect(await decided(stack, { resource: 'plain-1', revision })).toBe('ALLOW');
    const bob = { uid: { type: 'User', id: 'bob' } };
    const { revision: after } = await directory.applyEntities({ entities: [bob], allowReuse: true });
    expect(await decided(stack, { resource: 'plain-1', revision: after })).toBe('ALLOW');
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_OPENED']);
  });

  it('is not allowed to begin by the first use, when who approved it has left before', {
    timeout: 120_000,
  }, async () => {
    const startsAt = soon(1_500);
    const id = await granted(stack, 'plain-3', { seconds: 600, startsAt });
    const { directory } = (await stack.as('root')).services;
    await directory.deleteEntities({ uids: [{ type: 'User', id: 'bob' }] });
    const use = async () => await (await grantsAs(stack, 'ada')).useGrant({ id, useId: 'first' });
    const reason = await until(
      () => reasonOf(use()),
      (answer) => answer !== 'GRANT_STATE',
    );
    expect(reason).toBe('GRANT_ENDED');
    const grant = await grantOf(stack, id);
    expect([grant.endReason, instant(grant.endedAt)]).toEqual([EndReason.INELIGIBLE, startsAt]);
    expect(await decided(stack, { resource: 'plain-3', revision: grant.revision })).toBe('DENY');
    const bob = { uid: { type: 'User', id: 'bob' } };
    await directory.applyEntities({ entities: [bob], allowReuse: true });
  });

  it('can be revoked before it begins', async () => {
    const id = await granted(stack, 'plain-3', { startsAt: soon(3_600_000) });
    const { ended } = await (await grantsAs(stack, 'dee')).revokeGrants({ ids: [id], reason: 'not needed' });
    expect(ended.map((grant) => grant.endReason)).toEqual([EndReason.REVOKED]);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
  });

  it.each([
    ['past', -1_000, 'plain-1', /which is past/],
    ['further ahead than the workflow takes', 3 * 86_400_000, 'plain-1', /wanted at the latest/],
    ['of what begins with its first use', 60_000, 'claim-1', /starts with the first use/],
  ])('that is %s is refused by the field', async (_which, ms, resource, message) => {
    const error = await errorOf(submit(stack, 'ada', { resource: database(resource), startsAt: soon(ms) }));
    expect(error.violations.map(({ field }) => field)).toEqual(['starts_at']);
    expect(error.message).toMatch(message);
  });
});

describe('a grant that begins with its first use', () => {
  it('waits for it, then runs for as long as was asked for', async () => {
    const id = await granted(stack, 'claim-1', { seconds: 600 });
    const waiting = await grantOf(stack, id);
    expect(waiting.state).toBe(GrantState.CLAIMABLE);
    expect([waiting.startsAt, waiting.expiresAt]).toEqual([undefined, undefined]);
    expect(waiting.allowedActions).toContain(GrantAction.ACTIVATE);
    expect(await decided(stack, { resource: 'claim-1', revision: waiting.revision, dryRun: true })).toBe(
      'ALLOW',
    );
    expect((await grantOf(stack, id)).state).toBe(GrantState.CLAIMABLE);
    expect(await decided(stack, { resource: 'claim-1', revision: waiting.revision })).toBe('ALLOW');
    const running = await grantOf(stack, id);
    expect(running.state).toBe(GrantState.ACTIVE);
    const lastsMs = instant(running.expiresAt).getTime() - instant(running.startsAt).getTime();
    expect(lastsMs).toBe(600_000);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_CLAIMED']);
  });

  it('begins when its holder says so, once', async () => {
    const id = await granted(stack, 'claim-2');
    const { grant, revision } = await (await grantsAs(stack, 'ada')).activateGrant({ id });
    expect([grant?.state, revision > 0n]).toEqual([GrantState.ACTIVE, true]);
    expect(await reasonOf((await grantsAs(stack, 'ada')).activateGrant({ id }))).toBe('GRANT_STATE');
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_CLAIMED']);
  });

  it('begins once, however many use it at the same moment', async () => {
    const id = await granted(stack, 'claim-3');
    const { revision } = await grantOf(stack, id);
    const ask = () => decided(stack, { resource: 'claim-3', revision });
    const activate = async () =>
      await (await grantsAs(stack, 'ada')).activateGrant({ id }).catch(() => undefined);
    const answers = await Promise.all([...Array.from({ length: 20 }, ask), activate(), activate()]);
    expect(new Set(answers.slice(0, 20))).toEqual(new Set(['ALLOW']));
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_CLAIMED']);
  });

  it('is not activated by anybody else', async () => {
    const id = await granted(stack, 'claim-1', { reason: 'once more' });
    expect(await reasonOf((await grantsAs(stack, 'dee')).activateGrant({ id }))).toBe('NOT_PERMITTED');
    expect(await reasonOf((await grantsAs(stack, 'eve')).activateGrant({ id }))).toBe('GRANT_NOT_FOUND');
  });

  it('ends unclaimed when nobody uses it in time', { timeout: 120_000 }, async () => {
    const id = await granted(stack, 'short-claim-1');
    const ended = await until(
      () => grantOf(stack, id),
      ({ state }) => state === GrantState.ENDED,
    );
    expect(ended.endReason).toBe(EndReason.UNCLAIMED);
    expect(await decided(stack, { resource: 'short-claim-1' })).toBe('DENY');
    expect(await reasonOf((await grantsAs(stack, 'ada')).activateGrant({ id }))).toBe('GRANT_ENDED');
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_ENDED']);
  });
});

it.each(['claim-2', 'auto-1'])(
  'of a grant of %s that is ended by a clock that was set back, ledger and table say the same',
  async (resource) => {
    const id = await granted(stack, resource, { seconds: 600, reason: 'set back' });
    await stack.query(
      `UPDATE grants SET created_at = created_at + interval '60 s', starts_at = starts_at + interval '60 s',
        expires_at = expires_at + interval '60 s' WHERE id = $1`,
      [id],
    );
    await (await grantsAs(stack, 'ada')).releaseGrant({ id });
    const [row] = await stack.query(
      `SELECT ended_at = (body::json ->> 'endedAt')::timestamptz AS same, ended_at = starts_at AS whole
       FROM grants JOIN ledger ON grant_id = grants.id AND kind = 'GRANT_ENDED' WHERE grants.id = $1`,
      [id],
    );
    expect(row).toEqual({ same: true, whole: true });
  },
);
