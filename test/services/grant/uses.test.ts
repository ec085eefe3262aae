import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Curfew, CurfewError, createCurfew } from '../../../clients/sdk/index.ts';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { EndReason, GrantState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { startDecisionService } from '../../../services/decision/service.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, database, reasonOf } from './ask.ts';
import { decided, granted, grantOf, grantsAs, kindsOf, person, until } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

describe('a counted grant', () => {
  it('permits as often as it says and then has ended', async () => {
    const id = await granted(stack, 'counted-1');
    const { revision } = await grantOf(stack, id);
    const answers: string[] = [];
    for (let use = 0; use < 7; use += 1)
      answers.push(await decided(stack, { resource: 'counted-1', revision }));
    expect(answers).toEqual(['ALLOW', 'ALLOW', 'ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY']);
    const grant = await grantOf(stack, id);
    expect([grant.state, grant.endReason, grant.usesLeft]).toEqual([
      GrantState.ENDED,
      EndReason.EXHAUSTED,
      0,
    ]);
    expect(await kindsOf(stack, id)).toEqual([
      'GRANT_STARTED',
      ...Array.from({ length: 5 }, () => 'GRANT_USED'),
      'GRANT_ENDED',
    ]);
  });

  it('counts one use_id once, also when it was the last', async () => {
    const id = await granted(stack, 'counted-2');
    const { revision } = await grantOf(stack, id);
    const use = (useId: string) => decided(stack, { resource: 'counted-2', revision, useId });
    expect(await Promise.all(['a', 'a', 'a', 'b', 'b'].map(use))).toEqual(
      Array.from({ length: 5 }, () => 'ALLOW'),
    );
    expect((await grantOf(stack, id)).usesLeft).toBe(3);
    for (const useId of ['c', 'd', 'e']) expect(await use(useId)).toBe('ALLOW');
    expect((await grantOf(stack, id)).endReason).toBe(EndReason.EXHAUSTED);
    expect(await use('e')).toBe('ALLOW');
    expect(await use('f')).toBe('DENY');
  });

  it('is not used by a rehearsal', async () => {
    const id = await granted(stack, 'counted-3');
    const { revision } = await grantOf(stack, id);
    for (let use = 0; use < 6; use += 1)
      expect(await decided(stack, { resource: 'counted-3', revision, dryRun: true })).toBe('ALLOW');
    expect((await grantOf(stack, id)).usesLeft).toBe(5);
  });

  it('is exact under fifty calls at once through three decision services', { timeout: 120_000 }, async () => {
    await using opened = new AsyncDisposableStack();
    const common = {
      databaseUrl: stack.database.decisionUrl,
      address: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
    };
    const issuers = [stack.issuer.issuer];
    const grantService = { address: `127.0.0.1:${stack.grant.port}` };
    const more = await Promise.all(
      [1, 2].map(() =>
        startDecisionService({ ...common, issuers, grantService, staleStandingMs: 0, logger: stack.logger }),
      ),
    );
    for (const service of more) opened.defer(() => service.close());
    const token = await stack.issuer.token('Service', 'robot');
    const clients = [stack.decision, ...more].map(({ port }) =>
      createCurfew({
        decisionAddress: `127.0.0.1:${port}`,
        grantAddress: grantService.address,
        token,
        authorizeTimeoutMs: 10_000,
      }),
    );
    for (const client of clients) opened.defer(() => client.close());
    const id = await granted(stack, 'counted-1', { reason: 'a race' });
    const { revision } = await grantOf(stack, id);
    const ask = async (call: number): Promise<Effect | undefined> => {
      const question = { principal: person('ada'), action: action('read'), resource: database('counted-1') };
      try {
        const answer = await clients[call % 3]?.services.decision.authorize({
          ...question,
          useId: `call ${call}`,
          atLeastRevision: revision,
        });
        return answer?.effect;
      } catch (error) {
        // On a busy machine fifty take longer than one may wait: to ask again is the same use.
        if (error instanceof CurfewError && error.reason === 'USE_NOT_ACKNOWLEDGED') return await ask(call);
        throw error;
      }
    };
    const answers = await Promise.all(Array.from({ length: 50 }, async (_, call) => await ask(call)));
    expect(answers.filter((effect) => effect === Effect.ALLOW)).toHaveLength(5);
    expect(answers.filter((effect) => effect === Effect.DENY)).toHaveLength(45);
    const [uses] = await stack.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM grant_uses WHERE grant_id = $1',
      [id],
    );
    expect(uses?.count).toBe(5);
  });

  it('that begins with its only use is begun and used up by it', async () => {
    const id = await granted(stack, 'once-1');
    const { revision } = await grantOf(stack, id);
    expect(await decided(stack, { resource: 'once-1', revision, useId: 'one' })).toBe('ALLOW');
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'GRANT_CLAIMED', 'GRANT_USED', 'GRANT_ENDED']);
    expect(await decided(stack, { resource: 'once-1', useId: 'one' })).toBe('ALLOW');
    expect(await decided(stack, { resource: 'once-1', useId: 'two' })).toBe('DENY');
  });
});

describe('a grant that ends unused', () => {
  it('goes on while it is used and ends when it is not', { timeout: 120_000 }, async () => {
    const id = await granted(stack, 'idle-1', { seconds: 3_600 });
    const { revision } = await grantOf(stack, id);
    const begun = Date.now();
    // Used again and again for longer than it may lie unused.
    await until(
      async () => {
        expect(await decided(stack, { resource: 'idle-1', revision })).toBe('ALLOW');
        return Date.now();
      },
      (now) => now > begun + 4_000,
    );
    expect((await grantOf(stack, id)).state).toBe(GrantState.ACTIVE);
    // As if all of it had been a minute ago.
    await stack.query(
      `UPDATE grants SET created_at = created_at - interval '1 minute', starts_at = starts_at - interval '1 minute',
        last_used_at = last_used_at - interval '1 minute' WHERE id = $1`,
      [id],
    );
    const ended = await until(
      () => grantOf(stack, id),
      ({ state }) => state === GrantState.ENDED && Date.now() > begun + 7_000,
    );
    expect(ended.endReason).toBe(EndReason.IDLE);
    expect(await decided(stack, { resource: 'idle-1' })).toBe('DENY');
  });

  it('is over for whoever revokes many, before anybody has written it', async () => {
    const id = await granted(stack, 'idle-2', { seconds: 3_600 });
    await stack.query(
      "UPDATE grants SET starts_at = starts_at - interval '60 s', created_at = created_at - interval '60 s' WHERE id = $1",
      [id],
    );
    const wish = { resource: database('idle-2'), reason: 'not needed' };
    const { ended, failed } = await (await grantsAs(stack, 'dee')).revokeGrants(wish);
    expect([ended, failed]).toEqual([[], []]);
    expect((await grantOf(stack, id)).endReason).toBe(EndReason.IDLE);
  });
});

describe('a use', () => {
  const useAs = async (id: string, useId: string) =>
    await (await grantsAs(stack, 'ada')).useGrant({ id, useId });

  it('I6 that is reported late brings no grant back that has ended by lying unused', async () => {
    const id = await granted(stack, 'idle-2', { seconds: 3_600 });
    await stack.query(
      "UPDATE grants SET starts_at = starts_at - interval '60 s', created_at = created_at - interval '60 s' WHERE id = $1",
      [id],
    );
    expect((await grantOf(stack, id)).endReason).toBe(EndReason.IDLE);
    const report = { uses: [{ id, ago: durationFromMs(0) }] };
    await (await stack.as('robot', 'Service')).services.grants.reportGrantUses(report);
    expect(await grantOf(stack, id)).toMatchObject({ state: GrantState.ENDED, endReason: EndReason.IDLE });
  });

  it('may be reported of any time: what lies before the grant is nothing to it', async () => {
    const id = await granted(stack, 'idle-3', { seconds: 3_600 });
    const ago = { seconds: 300_000_000_000n, nanos: 0 };
    await (await grantsAs(stack, 'ada')).reportGrantUses({ uses: [{ id, ago }] });
    const { state, startsAt, lastUsedAt } = await grantOf(stack, id);
    expect([state, lastUsedAt]).toEqual([GrantState.ACTIVE, startsAt]);
  });

  it.each(['counted-2', 'auto-1'])(
    'of %s before it begins is refused, and nothing is written',
    async (resource) => {
      const startsAt = new Date(Date.now() + 3_600_000);
      const id = await granted(stack, resource, { seconds: 600, startsAt });
      expect(await reasonOf(useAs(id, 'too-early'))).toBe('GRANT_STATE');
      expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED']);
    },
  );

  it('that was the last is acknowledged again until its time is over, and not after', async () => {
    const id = await granted(stack, 'once-1', { seconds: 60 });
    const { expiresAt } = await useAs(id, 'once');
    expect((await useAs(id, 'once')).expiresAt).toEqual(expiresAt);
    await stack.query(
      `UPDATE grants SET created_at = created_at - interval '2 h', starts_at = starts_at - interval '2 h',
        expires_at = expires_at - interval '2 h', ended_at = ended_at - interval '2 h' WHERE id = $1`,
      [id],
    );
    expect(await reasonOf(useAs(id, 'once'))).toBe('GRANT_ENDED');
  });
});

describe('while the grant service is away', () => {
  let without: Awaited<ReturnType<typeof startDecisionService>>;
  let client: Curfew;

  beforeAll(async () => {
    without = await startDecisionService({
      databaseUrl: stack.database.decisionUrl,
      address: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      issuers: [stack.issuer.issuer],
      staleStandingMs: 0,
      logger: stack.logger,
    });
    client = createCurfew({
      decisionAddress: `127.0.0.1:${without.port}`,
      grantAddress: '127.0.0.1:1',
      token: await stack.issuer.token('Service', 'robot'),
      authorizeTimeoutMs: 10_000,
    });
  });
  afterAll(async () => {
    client.close();
    await without.close();
  });

  const ask = async (resource: string, atLeastRevision: bigint) =>
    await client.services.decision.authorize({
      principal: person('ada'),
      action: action('read'),
      resource: database(resource),
      atLeastRevision,
    });

  it('what takes a use is not permitted, everything else is', { timeout: 120_000 }, async () => {
    await granted(stack, 'counted-3', { reason: 'away' });
    const { revision } = await grantOf(stack, await granted(stack, 'auto-1'));
    await expect(ask('counted-3', revision)).rejects.toMatchObject({ reason: 'USE_NOT_ACKNOWLEDGED' });
    expect((await ask('auto-1', revision)).effect).toBe(Effect.ALLOW);
  });

  it('what had a fixed start begins, as long as those who approved it may still', {
    timeout: 120_000,
  }, async () => {
    const startsAt = new Date(Date.now() + 1_500);
    const { revision } = await grantOf(stack, await granted(stack, 'plain-2', { seconds: 600, startsAt }));
    await until(
      async () => (await ask('plain-2', revision)).effect,
      (effect) => effect === Effect.ALLOW,
    );
    const { directory } = (await stack.as('root')).services;
    const after = await directory.deleteEntities({ uids: [{ type: 'User', id: 'bob' }] });
    expect((await ask('plain-2', after.revision)).effect).toBe(Effect.DENY);
    const bob = { uid: { type: 'User', id: 'bob' } };
    await directory.applyEntities({ entities: [bob], allowReuse: true });
  });
});
