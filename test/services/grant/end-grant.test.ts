import { afterAll, beforeAll, expect, it } from 'vitest';
import { EndReason, GrantState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { countRows, database, errorOf, grantIdOf, reasonOf, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const grants = async (who: string, type = 'User') => (await stack.as(who, type)).services.grants;

async function granted(seconds = 60): Promise<string> {
  const request = await submitted(stack, 'ada', { seconds });
  return grantIdOf((await vote(stack, 'bob', request)).request);
}

async function mayRead(revision: bigint): Promise<string> {
  const client = await stack.as('ada');
  const question = { principal: { type: 'User', id: 'ada' }, action: 'read', resource: database('orders') };
  return (await client.authorize({ ...question, atLeastRevision: revision })).effect;
}

it('a holder releases their grant, and access ends with the revision of the release', async () => {
  const id = await granted();
  const { grant, revision } = await (await grants('ada')).releaseGrant({ id });
  expect([grant?.state, grant?.endReason]).toEqual([GrantState.ENDED, EndReason.RELEASED]);
  expect(await mayRead(revision)).toBe('deny');
});

it('ending one grant leaves another that covers the same', async () => {
  const [first, second] = [await granted(), await granted()];
  const { revision } = await (await grants('ada')).releaseGrant({ id: first });
  expect(await mayRead(revision)).toBe('allow');
  expect(await mayRead((await (await grants('ada')).releaseGrant({ id: second })).revision)).toBe('deny');
});

it('only the holder releases, and only who policy permits revokes', async () => {
  const id = await granted();
  expect(await reasonOf((await grants('dee')).releaseGrant({ id }))).toBe('NOT_PERMITTED');
  expect(await reasonOf((await grants('eve')).releaseGrant({ id }))).toBe('GRANT_NOT_FOUND');
  const { ended, failed } = await (await grants('eve')).revokeGrants({ ids: [id], reason: 'x' });
  expect([ended.length, failed[0]?.status?.code]).toEqual([0, 5]);
  const byHolder = await (await grants('ada')).revokeGrants({ ids: [id], reason: 'x' });
  expect([byHolder.ended.length, byHolder.failed[0]?.status?.code]).toEqual([0, 7]);
  const bySecurity = await (await grants('dee')).revokeGrants({ ids: [id], reason: 'x' });
  expect(bySecurity.ended.map((grant) => grant.endReason)).toEqual([EndReason.REVOKED]);
  expect(await mayRead(bySecurity.revision)).toBe('deny');
});

it('revoking by subject and by resource ends every live grant of it, and says nothing of those one may not see', async () => {
  const mine = [await granted(), await granted()];
  const hidden = await (await grants('eve')).revokeGrants({
    subject: { type: 'User', id: 'ada' },
    reason: 'x',
  });
  expect([hidden.ended, hidden.failed]).toEqual([[], []]);
  const bySubject = await (await grants('dee')).revokeGrants({
    subject: { type: 'User', id: 'ada' },
    reason: 'x',
  });
  expect(bySubject.ended.map((grant) => grant.id)).toEqual(expect.arrayContaining(mine));
  const another = await granted();
  const byResource = await (await grants('dee')).revokeGrants({ resource: database('orders'), reason: 'x' });
  expect(byResource.ended.map((grant) => grant.id)).toEqual([another]);
});

it('a selector must be exactly one, with a reason', async () => {
  const client = await grants('dee');
  const subject = { type: 'User', id: 'ada' };
  for (const selector of [{}, { subject, resource: database('orders') }]) {
    expect((await errorOf(client.revokeGrants({ ...selector, reason: 'x' }))).code).toBe('INVALID_ARGUMENT');
  }
  expect((await errorOf(client.revokeGrants({ subject, reason: '' }))).violations[0]?.field).toBe('reason');
});

it('a lapsed grant is ended by its time: it cannot be released, and the lapse is written with the time it lapsed', async () => {
  const id = await granted(1);
  const client = await grants('ada');
  await expect
    .poll(async () => (await client.getGrant({ id })).grant?.state, { timeout: 60_000 })
    .toBe(GrantState.ENDED);
  // What is shown goes by the latest that it may be; what is written by the database's own clock, which may be milliseconds behind that.
  const lapsed = () =>
    stack.query('SELECT clock_timestamp() >= expires_at AS is FROM grants WHERE id = $1', [id]);
  await expect.poll(lapsed, { timeout: 60_000 }).toEqual([{ is: true }]);
  expect(await reasonOf(client.releaseGrant({ id }))).toBe('GRANT_ENDED');
  const rows = await stack.query(
    'SELECT end_reason::text, ended_at = expires_at AS in_time FROM grants WHERE id = $1',
    [id],
  );
  expect(rows).toEqual([{ end_reason: 'EXPIRED', in_time: true }]);
  const before = await countRows(stack);
  expect(await reasonOf(client.releaseGrant({ id }))).toBe('GRANT_ENDED');
  expect(await countRows(stack)).toEqual(before);
});

it('deleting a person ends their grants and withdraws their requests in one transaction; the id stays taken', async () => {
  const root = (await stack.as('root')).services.directory;
  const uid = { type: 'User', id: 'zoe' };
  const zoe = { uid, parents: [{ type: 'Group', id: 'staff' }] };
  await root.applyEntities({ entities: [zoe] });
  const pending = await submitted(stack, 'zoe');
  const running = await submitted(stack, 'zoe', { resource: database('scratch') });
  const { endedGrantIds, withdrawnRequestIds } = await root.deleteEntities({ uids: [uid] });
  expect(endedGrantIds).toEqual([grantIdOf(running)]);
  expect(withdrawnRequestIds).toEqual([pending.id]);
  expect(await reasonOf(submitted(stack, 'zoe'))).toBe('CALLER_UNKNOWN');
  expect(await reasonOf(root.applyEntities({ entities: [zoe] }))).toBe('ENTITY_DELETED');
  expect((await root.applyEntities({ entities: [zoe], allowReuse: true })).changed).toBe(1);
});
