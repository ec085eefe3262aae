import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { CallContext } from '../../../core/rpc/route.ts';
import { revokeGrants } from '../../../services/grant/revoke-grants.ts';
import { RevokeGrantsRequestSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { create } from '@bufbuild/protobuf';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, grantIdOf, submit } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const user = (id: string) => ({ type: 'User', id });
const granted = async () =>
  grantIdOf((await submit(stack, 'ada', { resource: database('scratch') })).request);

function revoke(
  who: string,
  ids: readonly string[],
  { context = stack.grant.context, log = { error: () => undefined }, ...call }: Partial<Call> = {},
) {
  const message = create(RevokeGrantsRequestSchema, { ids: [...ids], reason: 'x' });
  const signal = new AbortController().signal;
  return revokeGrants(context, message, { caller: user(who), signal, log, ...call });
}

interface Call extends Pick<CallContext, 'signal'> {
  readonly deadline: Date;
  readonly context: Stack['grant']['context'];
  readonly log: { readonly error: (...facts: unknown[]) => void };
}

/** The connections for revoking, of which every use is a fault. */
function withoutRevokePool(): Stack['grant']['context'] {
  const untouchable = new Proxy(stack.grant.context.revokeDatabase, {
    get: () => {
      throw new Error('the connections for revoking were used');
    },
  });
  return { ...stack.grant.context, revokeDatabase: untouchable };
}

const codesOf = ({ failed }: Awaited<ReturnType<typeof revoke>>) =>
  failed?.map(({ id, status }) => [id, status?.code]);

it('whoever may not revoke takes none of the connections kept for revoking', async () => {
  const [id, unknown] = [await granted(), randomUUID()];
  const byStranger = await revoke('eve', [id, unknown], { context: withoutRevokePool() });
  expect(codesOf(byStranger)).toEqual([
    [id, 5],
    [unknown, 5],
  ]);
  const byHolder = await revoke('ada', [id], { context: withoutRevokePool() });
  expect(codesOf(byHolder)).toEqual([[id, 7]]);
});

it('a permitted revocation needs no other connections than those kept for it', async () => {
  const id = await granted();
  const { replica, follower } = stack.grant.context.followed;
  expect(await follower.waitFor(replica.revision, 5_000)).toBe(true);
  const away = new Proxy(stack.grant.context.database, {
    get: () => {
      throw new AccessError('DATABASE_UNAVAILABLE', 'the database did not answer; try again');
    },
  });
  const unknown = randomUUID();
  const answer = await revoke('dee', [unknown, id], { context: { ...stack.grant.context, database: away } });
  expect(answer.ended?.map((grant) => grant.id)).toEqual([id]);
  expect(codesOf(answer)).toEqual([[unknown, 14]]);
});

it('when its time is over a revocation tells what has not ended, and a repeated call ends it', async () => {
  const ids = [await granted(), await granted()];
  const answer = await revoke('dee', ids, { deadline: new Date() });
  expect(answer.ended).toEqual([]);
  expect(codesOf(answer)).toEqual(ids.map((id) => [id, 10]));
  expect(answer.failed?.[0]?.status?.message).toContain('call again');
  expect((await revoke('dee', ids)).ended?.map((grant) => grant.id)).toEqual(ids);
});

it('a revocation that nobody waits for any more stops', async () => {
  const id = await granted();
  const answer = await revoke('dee', [id], { signal: AbortSignal.abort() });
  expect(codesOf(answer)).toEqual([[id, 10]]);
});

it('a fault with one grant is logged and told of that grant, and what else has ended is told too', async () => {
  const [good, bad] = [await granted(), await granted()];
  await stack.query(`CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.id = '${bad}' THEN RAISE EXCEPTION 'broken' USING ERRCODE = 'XX000'; END IF; RETURN NEW; END $$`);
  await stack.query(
    'CREATE TRIGGER break_it BEFORE UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION break_it()',
  );
  const logged: unknown[] = [];
  const answer = await revoke('dee', [good, bad], { log: { error: (facts) => void logged.push(facts) } });
  await stack.query('DROP TRIGGER break_it ON grants');
  expect(answer.ended?.map((grant) => grant.id)).toEqual([good]);
  expect(codesOf(answer)).toEqual([[bad, 13]]);
  expect(logged).toMatchObject([{ grantId: bad, err: { message: 'broken' } }]);
});

it('all that fails is answered per grant: unknown, ended, not permitted', async () => {
  const [ended, live, unknown] = [await granted(), await granted(), randomUUID()];
  await revoke('dee', [ended]);
  const answer = await revoke('dee', [ended, live, unknown]);
  expect(answer.ended?.map((grant) => grant.id)).toEqual([live]);
  expect(new Map(answer.failed?.map(({ id, status }) => [id, status?.code]))).toEqual(
    new Map([
      [ended, 9],
      [unknown, 5],
    ]),
  );
});
