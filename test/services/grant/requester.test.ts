import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OFFICE, startStack } from '../../support/stack.ts';
import { grantIdOf, submitted, vote } from './ask.ts';

const REQUESTERS = `
@id("staff-for-robots")
permit (principal in Group::"staff", action == Curfew::Action::"requestFor", resource) when { context.request has subjectService };
@id("requesters")
permit (principal is User, action in [Curfew::Action::"view", Curfew::Action::"revoke"], resource)
when { context.request has requester && context.request.requester == principal };
`;

it('W18 a grant remembers who asked for it: policies about the requester see them, not the subject', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-policies-'));
  await cp(OFFICE, folder, { recursive: true });
  await appendFile(join(folder, 'workflows', 'workflows.cedar'), REQUESTERS);
  await using stack = await startStack({ policies: folder });
  const request = await submitted(stack, 'eve', { subject: { type: 'Service', id: 'robot' } });
  const id = grantIdOf((await vote(stack, 'bob', request)).request);
  const eve = (await stack.as('eve')).services.grants;
  expect((await eve.getGrant({ id })).grant?.mayRevoke).toBe(true);
  const { ended } = await eve.revokeGrants({ ids: [id], reason: 'no longer needed' });
  expect(ended.map((grant) => grant.id)).toEqual([id]);
  await rm(folder, { recursive: true });
});
