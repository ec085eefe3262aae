import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AccessRequest,
  GrantState,
  RequestAction,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database, errorOf, grantIdOf, reasonOf, submit, submitted } from './ask.ts';
import { decided, grantOf, grantsAs } from './life.ts';

/** Every vote wants a sign-in of the last five minutes, and those on environment two one by a key. */
const DEMANDS = `
@id("votes-want-a-fresh-sign-in")
forbid (principal, action == Curfew::Action::"approve", resource)
unless {
  context has auth && context.auth has time && context.now.durationSince(context.auth.time) < duration("5m")
};

@id("two-wants-a-key")
forbid (principal, action == Curfew::Action::"approve", resource in Environment::"two")
unless { context has auth && ["hwk", "swk"].containsAny(context.auth.methods) };
`;

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-sign-in-'));
  await cp(LIFE, folder, { recursive: true });
  const schema = join(folder, 'schema.cedarschema');
  const approve =
    'action approve appliesTo { principal: [User], resource: [Database, Environment], context: {';
  const declared = (await readFile(schema, 'utf8')).replace(
    approve,
    `${approve} auth?: { time?: datetime, methods: Set<String> },`,
  );
  await writeFile(schema, declared);
  await writeFile(join(folder, 'workflows', 'demands.cedar'), DEMANDS);
  stack = await startStack({ policies: folder });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const secondsAgo = (seconds: number): number => Math.floor(Date.now() / 1_000) - seconds;
const fresh = (): JWTPayload => ({ auth_time: secondsAgo(1), amr: ['pwd'] });
const strong = (): JWTPayload => ({ auth_time: secondsAgo(1), amr: ['pwd', 'hwk'] });
const old = (): JWTPayload => ({ auth_time: secondsAgo(3_600), amr: ['pwd', 'hwk'] });

async function voteWith(
  claims: JWTPayload,
  who: string,
  { id, requestHash }: AccessRequest,
  {
    verdict = Verdict.APPROVE,
    items = [],
    comment = '',
  }: { verdict?: Verdict; items?: number[]; comment?: string } = {},
) {
  const { grants } = (await stack.withClaims(who, claims)).services;
  const { request } = await grants.reviewAccessRequest({ id, requestHash, verdict, items, comment });
  return request;
}

/** As though everything about votes had happened an hour earlier. */
async function anHourLater(requestId: string): Promise<void> {
  const hour = `interval '1 hour'`;
  await stack.query(
    `UPDATE reviews SET created_at = created_at - ${hour}, signed_in_at = signed_in_at - ${hour} WHERE request_id = $1`,
    [requestId],
  );
}

describe('W14 an approval where policies demand a fresh sign-in', () => {
  it.each([
    ['was long ago', old, /seen one at 20.*by pwd, hwk; sign in again, and vote/],
    ['is not in the token', () => ({}), /neither when \(auth_time\) nor how \(amr\)/],
    ['is in the token without its time', () => ({ amr: ['hwk'] }), /at a time that the token does not say/],
    ['is said to be yet to come', () => ({ auth_time: secondsAgo(-3_600) }), /neither when/],
    ['is said in milliseconds', () => ({ auth_time: Date.now(), amr: ['hwk'] }), /does not say/],
    ['is said as text', () => ({ auth_time: String(secondsAgo(1)) }), /neither when/],
  ] as const)('W14 is refused when it %s', async (_which, claims, message) => {
    const request = await submitted(stack, 'ada', { resource: database('plain-1') });
    const error = await errorOf(voteWith(claims(), 'bob', request));
    expect([error.reason, error.code]).toEqual(['AUTHENTICATION_INSUFFICIENT', 'PERMISSION_DENIED']);
    expect(error.message).toMatch(message);
    expect(await reasonOf(voteWith(claims(), 'bob', request, { items: [0] }))).toBe(
      'AUTHENTICATION_INSUFFICIENT',
    );
    expect(await reasonOf(voteWith(claims(), 'bob', request, { verdict: Verdict.DENY }))).toBe(
      'AUTHENTICATION_INSUFFICIENT',
    );
    const after = await voteWith(fresh(), 'bob', request);
    expect(after?.state).toBe(RequestState.APPROVED);
  });

  it('W14 names the methods that are wanted, and whoever has none of these is refused', async () => {
    const request = await submitted(stack, 'ada', { resource: database('two-1') });
    const error = await errorOf(voteWith(fresh(), 'bob', request));
    expect(error.reason).toBe('AUTHENTICATION_INSUFFICIENT');
    expect(error.message).toMatch(/by pwd; sign in again by (hwk|swk), and vote/);
    expect(['hwk', 'swk']).toContain(error.metadata['methods']);
    const after = await voteWith(strong(), 'bob', request);
    expect(after?.items[0]?.steps.map(({ filledBy }) => filledBy.length)).toEqual([1, 0]);
  });

  it('W14 is no way for others to learn that they would be let in: they are no reviewers', async () => {
    const request = await submitted(stack, 'ada', { resource: database('plain-1') });
    expect(await reasonOf(voteWith(old(), 'eve', request))).toBe('REQUEST_NOT_FOUND');
    expect(await reasonOf(voteWith(old(), 'dee', request))).toBe('NOT_A_REVIEWER');
    expect(await reasonOf(voteWith(fresh(), 'dee', request))).toBe('NOT_A_REVIEWER');
  });

  it('W14 holds for a look at break-glass afterwards', async () => {
    const { request } = await submit(stack, 'ada', { resource: database('glass-1'), breakGlass: true });
    if (request === undefined) throw new Error('no request in the answer');
    const comment = 'looked at it';
    expect(await reasonOf(voteWith(old(), 'dee', request, { comment }))).toBe('AUTHENTICATION_INSUFFICIENT');
    expect((await voteWith(fresh(), 'dee', request, { comment }))?.items[0]?.grantId).not.toBe('');
  });

  it('can be asked for, and is offered to whoever has yet to sign in for it', async () => {
    const request = await submitted(stack, 'ada', { resource: database('two-2') });
    const { grants } = (await stack.as('bob')).services;
    const { requests } = await grants.listAccessRequests({ toReview: true });
    expect(requests.map(({ id }) => id)).toContain(request.id);
    const { request: shown } = await grants.getAccessRequest({ id: request.id });
    expect(shown?.allowedActions).toContain(RequestAction.REVIEW);
  });
});

describe('W14 an approval that was cast after a fresh sign-in', () => {
  it('W14 counts by it when the next one comes an hour later', async () => {
    const request = await submitted(stack, 'ada', { resource: database('two-3') });
    await voteWith(strong(), 'bob', request);
    await anHourLater(request.id);
    expect((await voteWith(strong(), 'dee', request))?.state).toBe(RequestState.APPROVED);
  });

  it('W14 counts no more when the sign-in that is kept with it would not have been enough', async () => {
    const request = await submitted(stack, 'ada', { resource: database('two-1'), reason: 'once more' });
    await voteWith(strong(), 'bob', request);
    await stack.query(`UPDATE reviews SET sign_in_methods = '{pwd}' WHERE request_id = $1`, [request.id]);
    const after = await voteWith(strong(), 'dee', request);
    expect(after?.items[0]?.steps.map(({ filledBy }) => filledBy.length)).toEqual([0, 1]);
  });

  it.each([
    ['an hour ago', '2026-01-01T10:00:00.000Z', '2026-01-01T09:58:00.000Z', 'ALLOW'],
    ['after an old sign-in', '2026-01-01T10:00:00.000Z', '2026-01-01T09:00:00.000Z', 'GRANT_ENDED'],
  ])('W14 begins a grant that waited if it was cast %s: %s', async (_which, at, signedInAt, expected) => {
    const request = await submitted(stack, 'ada', { resource: database('claim-1') });
    const id = grantIdOf(await voteWith(fresh(), 'bob', request));
    await stack.query('UPDATE grants SET casts = $2 WHERE id = $1', [
      id,
      JSON.stringify([{ at, signIn: { at: signedInAt, methods: ['pwd'] } }]),
    ]);
    const activated = (await grantsAs(stack, 'ada')).activateGrant({ id });
    if (expected === 'ALLOW') expect((await activated).grant?.state).toBe(GrantState.ACTIVE);
    else expect(await reasonOf(activated)).toBe(expected);
  });

  it('is kept in the ledger with the vote and with a grant that waits', async () => {
    const request = await submitted(stack, 'ada', { resource: database('claim-2') });
    const claims = strong();
    const id = grantIdOf(await voteWith(claims, 'bob', request));
    const rows = await stack.query<{ kind: string; body: string }>(
      `SELECT kind, body FROM ledger WHERE request_id = $1 AND kind <> 'REQUEST_SUBMITTED' ORDER BY revision`,
      [request.id],
    );
    const signIn = {
      at: new Date(Number(claims['auth_time']) * 1_000).toISOString(),
      methods: ['pwd', 'hwk'],
    };
    const bodies = rows.map(({ body }): unknown => JSON.parse(body));
    expect(bodies).toMatchObject([{ signIn }, { casts: [{ signIn }] }]);
    expect((await grantOf(stack, id)).state).toBe(GrantState.CLAIMABLE);
    const { revision } = await grantOf(stack, id);
    expect(await decided(stack, { resource: 'claim-2', revision })).toBe('ALLOW');
  });
});
