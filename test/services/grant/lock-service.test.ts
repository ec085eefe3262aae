import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { environment, group, lifted, locked, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const services = async (who: string, type = 'User') => (await stack.as(who, type)).services;

async function granted(who = 'ada'): Promise<string> {
  const request = await submitted(stack, who);
  return grantIdOf((await vote(stack, 'bob', request)).request);
}

describe('lifting', () => {
  it('nobody lifts a lock on themselves or on a group of theirs', async () => {
    for (const entity of [user('dee'), group('security'), group('staff')]) {
      const lock = await locked(stack, { entity }, { who: 'dee' });
      expect(await reasonOf(lifted(stack, lock.id, 'dee'))).toBe('SELF_UNLOCK');
      await lifted(stack, lock.id);
    }
  });

  it('nobody lifts a lock on a grant of theirs', async () => {
    const lock = await locked(stack, { grantId: await granted('dee') });
    expect(await reasonOf(lifted(stack, lock.id, 'dee'))).toBe('SELF_UNLOCK');
    await lifted(stack, lock.id, 'cy');
  });

  it('the database refuses who is locked as well', async () => {
    const lock = await locked(stack, { entity: user('dee') }, { who: 'cy' });
    const lift = `UPDATE locks SET lifted_at = created_at, lifted_by = 'User::"dee"', lift_reason = 'x' WHERE id = $1`;
    await expect(stack.query(lift, [lock.id])).rejects.toThrow('locks_not_own');
    await lifted(stack, lock.id);
  });

  it('needs the right to unlock what is locked', async () => {
    const lock = await locked(stack, { entity: database('orders') }, { who: 'bob' });
    expect(await reasonOf(lifted(stack, lock.id, 'bob'))).toBe('NOT_PERMITTED');
    expect(await reasonOf(lifted(stack, lock.id, 'ada'))).toBe('LOCK_NOT_FOUND');
    await lifted(stack, lock.id, 'dee');
  });

  it('a lock is lifted once', async () => {
    const lock = await locked(stack, { entity: database('orders') });
    await lifted(stack, lock.id);
    const error = await errorOf(lifted(stack, lock.id));
    expect([error.reason, error.code]).toEqual(['LOCK_LIFTED', 'FAILED_PRECONDITION']);
    expect(error.message).toMatch(/was lifted at 20.* by User::"root"; nothing is left to lift$/);
  });

  it('everything goes on when everything is unlocked, which a lock on everything does not stop', async () => {
    const lock = await locked(stack, { everything: true });
    expect(await reasonOf(submit(stack, 'ada'))).toBe('LOCKED');
    await lifted(stack, lock.id, 'dee');
    await submit(stack, 'ada');
  });

  it('a lock ends by itself when its time is up, and cannot be lifted then', async () => {
    const lock = await locked(stack, { entity: user('eve') }, { seconds: 1 });
    expect(await reasonOf(submit(stack, 'eve'))).toBe('LOCKED');
    await expect
      .poll(() => submit(stack, 'eve').then(() => 'done', String), { timeout: 60_000 })
      .toBe('done');
    expect(await reasonOf(lifted(stack, lock.id))).toBe('LOCK_LIFTED');
  });
});

describe('creating', () => {
  it.for<[string, object, string, string]>([
    [
      'on nothing',
      {},
      'FIELD_INVALID',
      'entity: seen none, wanted exactly one of entity, grant_id, everything',
    ],
    [
      'on two things',
      { entity: user('ada'), everything: true },
      'FIELD_INVALID',
      'entity: seen entity and everything, wanted exactly one of',
    ],
    [
      'on an unknown entity',
      { entity: user('nobody') },
      'ENTITY_UNKNOWN',
      'entity: seen User::"nobody", which the directory does not have',
    ],
    [
      'on a grant that there is not',
      { grantId: '7d0c9a11-2a52-4f0c-8f37-6f1c1d2e3f40' },
      'GRANT_NOT_FOUND',
      'id: there is no grant',
    ],
    ['on no id of a grant', { grantId: 'x' }, 'FIELD_INVALID', 'grant_id: seen "x"'],
    [
      'for no time',
      { entity: user('ada'), duration: {} },
      'FIELD_INVALID',
      'duration: seen 0ms, wanted an end that is to come',
    ],
    [
      'until before now',
      { entity: user('ada'), duration: { seconds: -5n } },
      'FIELD_INVALID',
      'duration: seen -5s',
    ],
    [
      'for ever by number',
      { entity: user('ada'), duration: { seconds: 40_000_000n } },
      'FIELD_INVALID',
      'at most 366 days',
    ],
    [
      'without a reason',
      { entity: user('ada'), reason: ' ' },
      'FIELD_INVALID',
      'reason: seen no text, wanted why',
    ],
    [
      'with a reason that hides something',
      { entity: user('ada'), reason: 'a\u202eb' },
      'FIELD_INVALID',
      'reason: seen the character U+202E',
    ],
  ])('a lock %s is refused and nothing is written', async ([, request, reason, message]) => {
    const rows = () => stack.query('SELECT (SELECT count(*) FROM locks), (SELECT count(*) FROM ledger)');
    const before = await rows();
    const { locks } = await services('dee');
    const error = await errorOf(locks.createLock({ reason: 'x', ...request }));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(message);
    expect(await rows()).toEqual(before);
  });

  it('needs the right to lock: of a grant on its resource or on its subject', async () => {
    const grantId = await granted();
    expect(await reasonOf(locked(stack, { entity: user('eve') }, { who: 'ada' }))).toBe('NOT_PERMITTED');
    expect(await reasonOf(locked(stack, { everything: true }, { who: 'bob' }))).toBe('NOT_PERMITTED');
    expect(await reasonOf(locked(stack, { grantId }, { who: 'eve' }))).toBe('GRANT_NOT_FOUND');
    expect(await reasonOf(locked(stack, { grantId }, { who: 'ada' }))).toBe('NOT_PERMITTED');
    const byOwner = await locked(stack, { grantId }, { who: 'bob' });
    await lifted(stack, byOwner.id);
  });

  it('is answered the same for the same idempotency key, and refused for another body', async () => {
    const { locks, grants } = await services('dee');
    const body = { entity: user('eve'), reason: 'an incident', idempotencyKey: 'lock-1' };
    const first = await locks.createLock(body);
    const rows = () => stack.query('SELECT (SELECT count(*) FROM locks), (SELECT count(*) FROM ledger)');
    const before = await rows();
    const again = await locks.createLock(body);
    expect([again.lock?.id, again.revision]).toEqual([first.lock?.id, first.revision]);
    const error = await errorOf(locks.createLock({ ...body, reason: 'another' }));
    expect([error.code, error.reason]).toEqual(['ALREADY_EXISTS', 'IDEMPOTENCY_KEY_REUSED']);
    const asking = { items: [{ resource: database('orders'), actions: [action('read')] }], reason: 'x' };
    expect(await reasonOf(grants.requestAccess({ ...asking, idempotencyKey: 'lock-1' }))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    expect(await rows()).toEqual(before);
    expect(await reasonOf(locks.createLock({ ...body, idempotencyKey: 'a b' }))).toBe('FIELD_INVALID');
    await lifted(stack, first.lock?.id ?? '');
    expect((await locks.createLock(body)).lock?.holds).toBe(false);
  });

  it('is answered the same though the lock stops whoever made it', async () => {
    const { locks } = await services('dee');
    const body = { entity: user('dee'), reason: 'I lost my laptop', idempotencyKey: 'lock-2' };
    const first = await locks.createLock(body);
    const again = await locks.createLock(body);
    expect([again.lock?.id, again.revision]).toEqual([first.lock?.id, first.revision]);
    await lifted(stack, first.lock?.id ?? '');
  });

  it('makes one lock of calls with one key at the same moment', async () => {
    const { locks } = await services('dee');
    const body = { entity: user('dee'), reason: 'I lost my laptop', idempotencyKey: 'lock-3' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => locks.createLock(body)));
    expect(new Set(answers.map(({ lock, revision }) => `${lock?.id} ${revision}`)).size).toBe(1);
    await lifted(stack, answers[0]?.lock?.id ?? '');
  });

  it('a grant that has ended is not locked', async () => {
    const grantId = await granted();
    await (await services('ada')).grants.releaseGrant({ id: grantId });
    expect(await reasonOf(locked(stack, { grantId }))).toBe('GRANT_ENDED');
  });

  it('says the revision, from which on the ledger has it, with the reason beside it', async () => {
    const { id, revision } = await locked(stack, { entity: user('eve') }, { seconds: 60 });
    const [row] = await stack.query<{ kind: string; body: string; text: string }>(
      'SELECT kind, body, text FROM ledger JOIN ledger_text USING (revision) WHERE revision = $1',
      [revision],
    );
    expect(row).toMatchObject({ kind: 'LOCK_CREATED', text: 'an incident' });
    expect(JSON.parse(row?.body ?? '')).toMatchObject({
      lockId: id,
      target: { kind: 'entity', uid: user('eve') },
      textDigest: expect.any(String),
    });
    expect(row?.body).not.toContain('incident');
    const after = await lifted(stack, id);
    const [lift] = await stack.query('SELECT kind FROM ledger WHERE revision = $1', [after]);
    expect(lift).toEqual({ kind: 'LOCK_LIFTED' });
  });
});

describe('listing', () => {
  it('shows locks to whom they stop, to who may lock or unlock, and to who audits', async () => {
    const onEve = await locked(stack, { entity: user('eve') });
    const onGrant = await locked(stack, { grantId: await granted() });
    const seenBy = async (who: string) =>
      (await (await services(who)).locks.listLocks({})).locks.map(({ id }) => id);
    expect(await seenBy('dee')).toEqual([onGrant.id, onEve.id]);
    expect(await seenBy('root')).toEqual([onGrant.id, onEve.id]);
    expect(await seenBy('eve')).toEqual([onEve.id]);
    expect(await seenBy('ada')).toEqual([onGrant.id]);
    expect(await seenBy('bob')).toEqual([onGrant.id]);
    await lifted(stack, onEve.id);
    await lifted(stack, onGrant.id);
    expect(await seenBy('dee')).toEqual([]);
  });

  it('filters by what is stopped, with what it is inside of, and pages', async () => {
    const locks = [environment('prod'), database('orders'), database('ledger')];
    const made = [];
    for (const entity of locks) made.push((await locked(stack, { entity })).id);
    const [prod, orders, ledger] = made;
    const list = async (request: object) => await (await services('dee')).locks.listLocks(request);
    const ids = async (request: object) => (await list(request)).locks.map(({ id }) => id);
    expect(await ids({ entity: database('orders') })).toEqual([orders, prod]);
    const first = await list({ pageSize: 2 });
    expect(first.locks.map(({ id }) => id)).toEqual([ledger, orders]);
    expect(await ids({ pageSize: 2, pageToken: first.nextPageToken })).toEqual([prod]);
    for (const id of made) await lifted(stack, id);
    expect(await ids({ entity: database('orders') })).toEqual([]);
    const all = await list({ entity: database('orders'), includeLifted: true, pageSize: 2 });
    expect(all.locks[0]).toMatchObject({ holds: false, liftReason: 'it is over', liftedBy: user('root') });
  });
});
