import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPolicyFolder } from '../../../core/policy/files.ts';
import { EndReason, GrantState, RequestState, Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { database, errorOf, grantIdOf, reasonOf, submitted, vote } from './ask.ts';

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-eligibility-'));
  await cp(OFFICE, folder, { recursive: true });
  stack = await startStack({ policies: folder });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const TIMEOUT = { timeout: 60_000 };
const group = (id: string) => ({ type: 'Group', id });
const user = (id: string, ...groups: string[]) => ({
  uid: { type: 'User', id },
  parents: groups.map(group),
});
const directory = async () => (await stack.as('root')).services.directory;
const apply = async (...entities: ReturnType<typeof user>[]) =>
  (await directory()).applyEntities({ entities });

/** Somebody new who has been granted to read orders. */
async function holder(id: string, ...groups: string[]): Promise<string> {
  await apply(user(id, ...groups));
  return grantIdOf((await vote(stack, 'bob', await submitted(stack, id))).request);
}

async function effect(id: string, atLeastRevision: bigint, resource = 'orders'): Promise<string> {
  const question = { principal: { type: 'User', id }, action: 'read', resource: database(resource) };
  return (await (await stack.as('robot', 'Service')).authorize({ ...question, atLeastRevision })).effect;
}

async function grantOf(who: string, id: string) {
  const { grant } = await (await stack.as(who)).services.grants.getGrant({ id });
  return { state: grant?.state, endReason: grant?.endReason };
}

const ENDED = { state: GrantState.ENDED, endReason: EndReason.INELIGIBLE };

describe('a grant whose workflow would no longer let its holder in', () => {
  it('permits nothing from the revision at which they left the group, and has ended when that is answered', async () => {
    const id = await holder('lea', 'staff');
    await expect.poll(() => effect('lea', 0n), TIMEOUT).toBe('allow');
    const { endedGrantIds, revision } = await apply(user('lea'));
    expect(endedGrantIds).toEqual([id]);
    expect(await effect('lea', revision)).toBe('deny');
    expect(await grantOf('lea', id)).toEqual(ENDED);
  });

  it('goes on while they stay in the group, whatever else is said of them', async () => {
    const id = await holder('max', 'staff');
    const { endedGrantIds, revision } = await apply(user('max', 'staff', 'keepers'));
    expect(endedGrantIds).toEqual([]);
    expect(await effect('max', revision)).toBe('allow');
    expect((await grantOf('max', id)).state).toBe(GrantState.ACTIVE);
  });

  it('ends with those of everybody inside of a group that left another', async () => {
    await apply(user('ignored'));
    const root = await directory();
    await root.applyEntities({ entities: [{ uid: group('team'), parents: [group('staff')] }] });
    const ids = [await holder('ned', 'team'), await holder('nia', 'team')];
    const { endedGrantIds } = await root.applyEntities({ entities: [{ uid: group('team') }] });
    expect(endedGrantIds.toSorted()).toEqual(ids.toSorted());
  });

  it('ends with the group that let them in, when that is deleted', async () => {
    const root = await directory();
    await root.applyEntities({ entities: [{ uid: group('club'), parents: [group('staff')] }] });
    const id = await holder('oli', 'club');
    const { endedGrantIds, revision } = await root.deleteEntities({ uids: [group('club')] });
    expect(endedGrantIds).toEqual([id]);
    expect(await effect('oli', revision)).toBe('deny');
  });

  it('ends with the right of whoever asked for it to ask for others', async () => {
    await apply(user('sam', 'staff', 'security'));
    const request = await submitted(stack, 'sam', { subject: { type: 'Service', id: 'robot' } });
    const id = grantIdOf((await vote(stack, 'bob', request)).request);
    await apply(user('sam', 'staff'));
    await expect.poll(() => grantOf('dee', id), TIMEOUT).toEqual(ENDED);
  });

  it('ends when the policies no longer have the workflow, and not because a workflow is new', async () => {
    const path = join(folder, 'workflows', 'workflows.cedar');
    const before = await readFile(path, 'utf8');
    const id = await holder('pam', 'staff');
    const scratch = grantIdOf(await submitted(stack, 'pam', { resource: database('scratch') }));
    await writeFile(path, before.replace('@id("one")', '@id("another")'));
    await expect.poll(() => effect('pam', 0n), TIMEOUT).toBe('deny');
    await expect.poll(() => grantOf('pam', id), TIMEOUT).toEqual(ENDED);
    expect((await grantOf('pam', scratch)).state).toBe(GrantState.ACTIVE);
    await writeFile(path, before);
    // What has ended does not come back.
    const again = async () => (await submitted(stack, 'pam')).items[0]?.workflow?.id;
    await expect.poll(again, TIMEOUT).toBe('one');
    expect(await effect('pam', 0n)).toBe('deny');
  });

  it('goes on where the workflow says so, and whoever examines other policies is told', async () => {
    const path = join(folder, 'workflows', 'workflows.cedar');
    const before = await readFile(path, 'utf8');
    const kept = before.replace('@id("auto")', '@id("auto") @on_change("keep")');
    await writeFile(path, kept);
    const keeps = async () => {
      const request = await submitted(stack, 'eve', { resource: database('scratch') });
      return request.items[0]?.workflow?.keepsOnChange;
    };
    await expect.poll(keeps, TIMEOUT).toBe(true);
    await apply(user('wes', 'staff'));
    const id = grantIdOf(await submitted(stack, 'wes', { resource: database('scratch') }));
    const { endedGrantIds, revision } = await apply(user('wes'));
    expect(endedGrantIds).toEqual([]);
    expect(await effect('wes', revision, 'scratch')).toBe('allow');
    const files = Object.fromEntries(await readPolicyFolder(folder));
    const root = (await stack.as('root')).services.policies;
    const found = await root.validatePolicies({ files }, { timeoutMs: 60_000 });
    expect(found.keptGrants.map((grant) => grant.id)).toContain(id);
    expect(found.endingGrants.map((grant) => grant.id)).not.toContain(id);
    await writeFile(path, before);
    await expect.poll(keeps, TIMEOUT).toBe(false);
  });

  it('ends before it begins, when its holder has left by then', async () => {
    await apply(user('xia', 'staff'));
    const { request } = await (await stack.as('xia')).services.grants.requestAccess({
      items: [{ resource: database('scratch'), actions: [{ type: 'Action', id: 'read' }] }],
      duration: { seconds: 60n },
      startsAt: timestampFromDate(new Date(Date.now() + 3_600_000)),
      reason: 'later',
    });
    const id = grantIdOf(request);
    expect((await grantOf('xia', id)).state).toBe(GrantState.SCHEDULED);
    expect((await apply(user('xia', 'staff', 'keepers'))).endedGrantIds).toEqual([]);
    expect((await apply(user('xia'))).endedGrantIds).toEqual([id]);
    expect(await grantOf('xia', id)).toEqual(ENDED);
  });

  it('W12 is extended for no longer than it was let in for, whatever the workflow says by now', async () => {
    const path = join(folder, 'workflows', 'workflows.cedar');
    const before = await readFile(path, 'utf8');
    const extensible = before.replace('@id("auto")', '@id("auto") @extensions("1")');
    const maxIs = (max: string) => async () =>
      (await submitted(stack, 'eve', { resource: database('scratch') })).items[0]?.workflow?.maxDuration
        ?.seconds === BigInt(max);
    await writeFile(path, extensible);
    await apply(user('yan', 'staff'));
    const ask = async (seconds: number) => {
      const grants = (await stack.as('yan')).services.grants;
      const id = (await grants.listGrants({})).grants[0]?.id ?? '';
      return await grants.extendGrant({ id, duration: { seconds: BigInt(seconds) }, reason: 'not done yet' });
    };
    const extensions = async () => {
      const request = await submitted(stack, 'yan', { resource: database('scratch') });
      return request.items[0]?.workflow?.extensions;
    };
    await expect.poll(extensions, TIMEOUT).toBe(1);
    await writeFile(path, extensible.replace('@max("1h")', '@max("4h")'));
    await expect.poll(maxIs('14400'), TIMEOUT).toBe(true);
    expect(await reasonOf(ask(10_800))).toBe('EXTENSION_LIMIT');
    expect(await reasonOf(ask(18_000))).toBe('DURATION_TOO_LONG');
    expect((await ask(3_600)).request?.state).toBe(RequestState.APPROVED);
    await writeFile(path, before);
    await expect.poll(maxIs('3600'), TIMEOUT).toBe(true);
  });

  it('goes on though approvals left less than its workflow wants to be asked for', async () => {
    await apply(user('zoe', 'staff'));
    const request = await submitted(stack, 'zoe', { actions: ['read', 'write'], ticket: 'CHG-4' });
    expect(request.items[0]?.workflow?.id).toBe('two');
    const { id: requestId, requestHash } = request;
    await (await stack.as('bob')).services.grants.reviewAccessRequest({
      id: requestId,
      requestHash,
      verdict: Verdict.APPROVE,
      narrowing: [{ item: 0, actions: [{ type: 'Action', id: 'read' }] }],
    });
    const done = await vote(stack, 'dee', request);
    const id = grantIdOf(done.request);
    expect(await effect('zoe', done.revision)).toBe('allow');
    const { endedGrantIds, revision } = await apply(user('zoe', 'staff', 'keepers'));
    expect([endedGrantIds, await effect('zoe', revision)]).toEqual([[], 'allow']);
    expect((await grantOf('zoe', id)).state).toBe(GrantState.ACTIVE);
    expect((await apply(user('zoe'))).endedGrantIds).toEqual([id]);
  });

  it('is written down once by two services that notice it at the same moment', async () => {
    const id = await holder('quin', 'staff');
    await apply(user('quin'));
    const ends = await stack.query(`SELECT kind FROM ledger WHERE grant_id = $1 AND kind = 'GRANT_ENDED'`, [
      id,
    ]);
    expect(ends).toHaveLength(1);
  });
});

describe('eligibility is of now', () => {
  it('W4 a requester who joins the approvers after filing cannot approve their own request', async () => {
    await apply(user('rex', 'staff'));
    const request = await submitted(stack, 'rex', { actions: ['write'], ticket: 'CHG-1' });
    await apply(user('rex', 'staff', 'security'));
    expect(await reasonOf(vote(stack, 'rex', request))).toBe('SELF_REVIEW');
  });

  it('W4 a reviewer who was removed is refused, though their token is still good', async () => {
    await apply(user('sue', 'security'), user('tom', 'security'));
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-2' });
    const grants = (await stack.as('sue')).services.grants;
    expect((await grants.getAccessRequest({ id: request.id })).request?.id).toBe(request.id);
    await apply(user('sue'));
    expect(await reasonOf(vote(stack, 'sue', request))).toBe('REQUEST_NOT_FOUND');
    await (await stack.as('tom')).services.grants.getAccessRequest({ id: request.id });
    await (await directory()).deleteEntities({ uids: [{ type: 'User', id: 'tom' }] });
    expect((await errorOf(vote(stack, 'tom', request))).reason).toBe('CALLER_UNKNOWN');
  });

  it('W4 an approval that was counted stops counting when its reviewer leaves', async () => {
    await apply(user('uma', 'security'));
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-3' });
    const { request: half } = await vote(stack, 'uma', request);
    const seated = half?.items[0]?.steps.find((step) => step.name === 'security')?.filledBy;
    expect(seated?.map((uid) => uid.id)).toEqual(['uma']);
    await apply(user('uma'));
    const { request: still } = await vote(stack, 'bob', request);
    expect(still?.state).toBe(RequestState.PENDING);
    const { request: full } = await vote(stack, 'dee', request);
    expect(full?.state).toBe(RequestState.APPROVED);
  });

  it('W4 a requester who leaves before the last approval is not let in', async () => {
    await apply(user('vic', 'staff'));
    const request = await submitted(stack, 'vic');
    await apply(user('vic'));
    const { request: decided } = await vote(stack, 'bob', request);
    expect(decided?.state).toBe(RequestState.DENIED);
  });
});
