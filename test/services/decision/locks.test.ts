import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import { uidKey } from '../../../core/access/entity.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { toResponse } from '../../../services/decision/to-response.ts';
import { type Asked, type LocalDecision, localDecision } from './local-decision.ts';
import { action, entity, long, person, ref, sheet, site, team, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';

let files: PolicyFiles;
let local: LocalDecision;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files);
});

const [kim, otto, gus] = [person('kim'), person('otto'), person('gus')];
const minuteMs = 60_000;
const everything: LockTarget = { kind: 'everything' };
const on = (uid: EntityUid): LockTarget => ({ kind: 'entity', uid });
const onGrant = (grantId: string): LockTarget => ({ kind: 'grant', grantId });

function lockEvent(target: LockTarget, lastsMs?: number): Extract<LedgerEvent, { kind: 'LOCK_CREATED' }> {
  const at = new Date(local.machine.wall);
  return {
    kind: 'LOCK_CREATED',
    at,
    actor: uidKey(kim),
    lockId: randomUUID(),
    target,
    createdBy: kim,
    ...(lastsMs === undefined ? {} : { expiresAt: new Date(at.getTime() + lastsMs) }),
    text: 'an incident',
  };
}

async function lock(target: LockTarget, lastsMs?: number): Promise<string> {
  const event = lockEvent(target, lastsMs);
  await local.apply(event);
  return event.lockId;
}

async function lift(lockId: string, target: LockTarget): Promise<void> {
  const at = new Date(local.machine.wall);
  await local.apply({ kind: 'LOCK_LIFTED', at, actor: uidKey(kim), lockId, target, text: 'over' });
}

async function grantTo(subject: EntityUid, lastsMs = minuteMs, actions = ['open']): Promise<string> {
  const now = local.machine.wall;
  return await local.start({
    subject,
    actions,
    startsAt: new Date(now),
    expiresAt: new Date(now + lastsMs),
  });
}

const effectFor = (asked: Asked): string => local.ask(asked).effect;
const after = (ms: number): Date => new Date(local.machine.wall + ms);

describe('a lock wins over every policy and every grant', () => {
  it.for<[string, LockTarget, Asked, string]>([
    ['everything', everything, { principal: kim }, 'everything'],
    ['the principal', on(kim), { principal: kim }, 'the principal'],
    [
      'a group of the principal',
      on(team('guards')),
      { principal: gus, action: action('look'), context: new Map() },
      'the principal',
    ],
    ['the resource', on(vault('plain')), { principal: kim }, 'the resource'],
    ['what the resource is inside of', on(site('main')), { principal: kim }, 'the resource'],
  ])('on %s: denied, whatever permits it', async ([, target, asked, what]) => {
    await grantTo(asked.principal);
    expect(effectFor(asked)).toBe('ALLOW');
    const id = await lock(target);
    const answer = local.ask(asked);
    expect(answer).toMatchObject({ effect: 'DENY', grant: undefined, policyIds: [], accessOptions: [] });
    expect(answer.advice).toEqual([`${what} is locked (lock ${id})`]);
    expect(toResponse(answer, false).lockIds).toEqual([id]);
    await lift(id, target);
    expect(effectFor(asked)).toBe('ALLOW');
  });

  it('W2 another account of whoever is locked is denied, until the lock is lifted', async () => {
    const spare = person('otto-too');
    const attributes = new Map([['person', { kind: 'string', value: 'Otto' } as const]]);
    const { directory } = local.replica;
    for (const uid of [otto, spare]) {
      const parents = directory.get(otto)?.parents ?? [];
      directory.apply({
        uid,
        attributes: new Map([...(directory.get(otto)?.attributes ?? []), ...attributes]),
        parents,
        tags: new Map(),
      });
    }
    await grantTo(spare);
    expect(effectFor({ principal: spare })).toBe('ALLOW');
    const lockId = await lock(on(otto));
    expect(local.ask({ principal: spare }).advice).toEqual([`the principal is locked (lock ${lockId})`]);
    await lift(lockId, on(otto));
    expect(effectFor({ principal: spare })).toBe('ALLOW');
  });

  it('a document of the caller is locked with what its sent parents are inside of', async () => {
    const entities = [entity(sheet('s'), [vault('plain')], { author: ref(kim), pages: long(1n) })];
    const asked = {
      principal: kim,
      action: action('read'),
      resource: sheet('s'),
      entities,
      context: new Map(),
    };
    expect(effectFor(asked)).toBe('ALLOW');
    await lock(on(site('main')));
    expect(effectFor(asked)).toBe('DENY');
  });

  it('a lock on others stops nobody else', async () => {
    for (const target of [on(otto), on(team('guards')), on(vault('secret')), onGrant(randomUUID())])
      await lock(target);
    expect(effectFor({ principal: kim })).toBe('ALLOW');
  });

  it('every lock has to go before it goes on', async () => {
    const ids = [await lock(on(kim)), await lock(everything), await lock(on(kim))];
    expect(toResponse(local.ask({ principal: kim }), false).lockIds.toSorted()).toEqual(ids.toSorted());
    await lift(ids[0] ?? '', on(kim));
    await lift(ids[1] ?? '', everything);
    expect(effectFor({ principal: kim })).toBe('DENY');
    await lift(ids[2] ?? '', on(kim));
    expect(effectFor({ principal: kim })).toBe('ALLOW');
  });

  it('says why only to whom it may be explained, and offers no way to get access', async () => {
    const asked = { principal: gus, explain: true };
    expect(local.ask(asked).accessOptions).not.toEqual([]);
    const id = await lock(on(vault('plain')));
    const explained = local.ask(asked);
    expect(explained.advice).toEqual([`the resource is locked (lock ${id}): an incident`]);
    expect(explained.accessOptions).toEqual([]);
    expect(local.ask({ principal: gus }).advice).toEqual([`the resource is locked (lock ${id})`]);
  });
});

describe('a lock on a grant', () => {
  it('takes it out, and only it', async () => {
    const id = await grantTo(otto);
    const lockId = await lock(onGrant(id));
    const answer = local.ask({ principal: otto });
    expect(answer.effect).toBe('DENY');
    expect(answer.advice).toEqual([`a grant for this is locked (lock ${lockId})`]);
    expect(toResponse(answer, false).lockIds).toEqual([lockId]);
    const other = await grantTo(otto);
    expect(local.ask({ principal: otto }).grant?.id).toBe(other);
  });

  it('leaves standing permits alone', async () => {
    await lock(onGrant(await grantTo(kim)));
    expect(local.ask({ principal: kim })).toMatchObject({ effect: 'ALLOW', grant: undefined, stops: [] });
  });

  it('still lets the holder know how to get access otherwise', async () => {
    await lock(onGrant(await grantTo(otto)));
    expect(local.ask({ principal: otto, explain: true }).accessOptions).not.toEqual([]);
  });
});

describe('the end of a lock', () => {
  it('bounds the deny: the last of the locks that cause it', async () => {
    await lock(on(kim), 10_000);
    await lock(everything, 30_000);
    expect(local.ask({ principal: kim }).validUntil).toEqual(after(30_000));
    await lock(on(vault('plain')));
    expect(local.ask({ principal: kim }).validUntil).toBeUndefined();
  });

  it('of a lock on a grant, when the first grant could permit again', async () => {
    const [short, long_] = [await grantTo(otto, 20_000), await grantTo(otto, minuteMs)];
    await lock(onGrant(short), 30_000);
    await lock(onGrant(long_), 40_000);
    // The short grant is over before its lock is.
    expect(local.ask({ principal: otto }).validUntil).toEqual(after(40_000));
    await lock(onGrant(long_));
    expect(local.ask({ principal: otto }).validUntil).toBeUndefined();
  });

  it('bounds nothing where policies read what time it is', async () => {
    const asked = { principal: otto, action: action('peek'), context: new Map() };
    await lock(onGrant(await grantTo(otto, minuteMs, ['peek'])), 10_000);
    expect(local.ask(asked)).toMatchObject({ effect: 'DENY', validUntil: undefined });
  });

  it('comes at its time and lets the same go on', async () => {
    await lock(on(kim), 10_000);
    local.machine.advance(9_999);
    local.poll();
    expect(effectFor({ principal: kim })).toBe('DENY');
    local.machine.advance(1);
    local.poll();
    expect(effectFor({ principal: kim })).toBe('ALLOW');
  });

  it('D11 a machine whose clock is ahead does not end a lock early, and never says that the deny is over', async () => {
    await lock(on(kim), 10_000);
    local.machine.wall += 3_600_000;
    local.poll(local.machine.wall - 3_600_000);
    const answer = local.ask({ principal: kim });
    expect(answer.effect).toBe('DENY');
    expect(toResponse(answer, false).validFor).toMatchObject({ seconds: 0n, nanos: 0 });
  });
});

const targets = [
  everything,
  ...[kim, otto, gus, team('guards'), team('chiefs'), vault('plain'), vault('secret'), site('main')].map(on),
];
const questions = [kim, otto, gus].flatMap((principal) =>
  ['plain', 'secret'].flatMap((id) =>
    ['open', 'look', 'peek'].map((name) => ({
      principal,
      action: action(name),
      resource: vault(id),
      ...(name === 'open' ? {} : { context: new Map() }),
    })),
  ),
);

it('I18 one more lock never turns a deny into an allow', async () => {
  const arbitrary = {
    before: fc.array(fc.constantFrom(...targets), { maxLength: 3 }),
    target: fc.option(fc.constantFrom(...targets), { nil: undefined }),
    holders: fc.array(fc.constantFrom(kim, otto, gus), { maxLength: 3 }),
    index: fc.nat(2),
    lastsMs: fc.option(fc.integer({ min: -10_000, max: 10_000 }), { nil: undefined }),
  };
  await fc.assert(
    fc.asyncProperty(fc.record(arbitrary), async ({ before, target, holders, index, lastsMs }) => {
      local = await localDecision(files);
      const grantIds: string[] = [];
      for (const holder of holders) grantIds.push(await grantTo(holder));
      for (const each of before) await lock(each);
      const effects = questions.map(effectFor);
      await lock(target ?? onGrant(grantIds[index] ?? randomUUID()), lastsMs);
      for (const [at, question] of questions.entries())
        if (effects[at] === 'DENY') expect(effectFor(question)).toBe('DENY');
    }),
    { numRuns: 40 },
  );
});
