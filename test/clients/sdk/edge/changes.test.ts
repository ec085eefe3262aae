import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCurfew, type Curfew, type Question } from '../../../../clients/sdk/index.ts';
import { ValueSchema } from '../../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { OFFICE, type Stack, startStack } from '../../../support/stack.ts';

const user = (id: string) => ({ type: 'User', id });
const database = (id: string) => ({ type: 'Database', id });
const WHO = ['ada', 'eve'] as const;
const LOCKABLE = [{ type: 'Environment', id: 'test' }, user('ada'), database('scratch')];
const QUESTIONS: readonly Question[] = WHO.flatMap((who) =>
  ['read', 'ping'].map((action) => ({ principal: user(who), action, resource: database('scratch') })),
);

type Who = (typeof WHO)[number];

/** Something that changes what is decided; comes to the revision that it made, or 0 where there was nothing to change. */
type Change =
  | { readonly kind: 'grant' | 'revoke'; readonly who: Who }
  | { readonly kind: 'lock' | 'unlock'; readonly target: number }
  | { readonly kind: 'group'; readonly who: Who; readonly isIn: boolean }
  | { readonly kind: 'move'; readonly to: string }
  | { readonly kind: 'policies'; readonly forbids: boolean };

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('grant', 'revoke'), who: fc.constantFrom(...WHO) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('lock', 'unlock'),
      target: fc.nat(LOCKABLE.length - 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('group'),
      who: fc.constantFrom(...WHO),
      isIn: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move'), to: fc.constantFrom('test', 'prod') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policies'), forbids: fc.boolean() }) },
);

let folder: string;
let stack: Stack;
let edge: Curfew;
let plain: Curfew;
const locks = new Map<number, string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-edge-changes-'));
  await cp(OFFICE, folder, { recursive: true });
  await writePolicies(false);
  stack = await startStack({ policies: folder });
  const options = {
    decisionAddress: `127.0.0.1:${stack.decision.port}`,
    token: await stack.issuer.token('Service', 'robot'),
    authorizeTimeoutMs: 10_000,
  };
  edge = createCurfew({ ...options, edgeCache: true });
  plain = createCurfew(options);
}, 60_000);
afterAll(async () => {
  edge?.close();
  plain?.close();
  await stack?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function writePolicies(forbids: boolean): Promise<void> {
  const resource = forbids ? '' : ' == Database::"none"';
  const text = `@id("extra") forbid (principal, action == Action::"ping", resource${resource});\n`;
  return writeFile(join(folder, 'guardrails', 'extra.cedar'), text);
}

async function make(change: Change): Promise<bigint> {
  const [security, admins] = [await stack.as('cy'), await stack.as('root')];
  switch (change.kind) {
    case 'grant':
      return await grant(change.who);
    case 'revoke': {
      const { revision } = await security.services.grants.revokeGrants({
        subject: user(change.who),
        reason: 'a test',
      });
      return revision;
    }
    case 'lock':
      return await lock(security, change.target);
    case 'unlock':
      return await unlock(change.target);
    case 'group': {
      const parents = change.isIn ? [{ type: 'Group', id: 'staff' }] : [];
      const entities = [{ uid: user(change.who), parents }];
      return (await admins.services.directory.applyEntities({ entities })).revision;
    }
    case 'move': {
      const parents = [{ type: 'Environment', id: change.to }];
      const entities = [{ uid: database('scratch'), attributes: { owners: nobody() }, parents }];
      return (await admins.services.directory.applyEntities({ entities })).revision;
    }
    case 'policies':
      return await activate(change.forbids);
  }
}

function nobody() {
  return create(ValueSchema, { kind: { case: 'setValue', value: { values: [] } } });
}

async function grant(who: Who): Promise<bigint> {
  const asking = (await stack.as(who)).requestAccess({
    items: [{ resource: database('scratch'), actions: ['read'] }],
    durationMs: 600_000,
    reason: 'a test',
  });
  // Who may not ask now changes nothing.
  return await asking.then(
    ({ revision }) => revision,
    () => 0n,
  );
}

async function lock(security: Curfew, target: number): Promise<bigint> {
  if (locks.has(target)) return 0n;
  const made = await security.services.locks.createLock({ entity: LOCKABLE[target], reason: 'a test' });
  locks.set(target, made.lock?.id ?? '');
  return made.revision;
}

async function unlock(target: number): Promise<bigint> {
  const id = locks.get(target);
  if (id === undefined) return 0n;
  locks.delete(target);
  return (await (await stack.as('dee')).services.locks.deleteLock({ id, reason: 'a test' })).revision;
}

async function activate(forbids: boolean): Promise<bigint> {
  const { replica } = stack.grant.context.followed;
  const isForbidding = () =>
    replica.engine.policies.access.some(({ id, resource }) => id === 'extra' && resource.kind === 'any');
  await writePolicies(forbids);
  await expect.poll(isForbidding, { timeout: 30_000 }).toBe(forbids);
  const { revision } = replica;
  // To load a set may take longer than a call waits for a revision.
  await stack.decision.followed.follower.waitFor(revision, 30_000);
  return revision;
}

/** Once the change has been told: what the cache answers, twice, is what the service does. */
async function expectSame(revision: bigint): Promise<void> {
  await Promise.all(
    QUESTIONS.map(async (question) => {
      const heard = { ...question, atLeastRevision: revision };
      const [wanted, first] = [await plain.authorize(heard), await edge.authorize(heard)];
      const again = await edge.authorize(question);
      expect([first.effect, again.effect]).toEqual([wanted.effect, wanted.effect]);
      expect(wanted.effect).not.toBe('error');
    }),
  );
}

test('whatever changes, once it is told the cache answers as the service does', {
  timeout: 180_000,
}, async () => {
  for (const question of QUESTIONS) await edge.authorize(question); // the first begins the stream
  await expect.poll(() => edge.edgeStatus?.isLive, { timeout: 60_000 }).toBe(true);
  const seen = new Set<string>();
  const property = fc.asyncProperty(fc.array(anyChange, { minLength: 4, maxLength: 12 }), async (changes) => {
    let told = 0n;
    for (const change of changes) {
      const made = await make(change);
      if (made > told) told = made;
      await expectSame(told);
      seen.add(change.kind);
    }
  });
  await fc.assert(property, { numRuns: 12, endOnFailure: true });
  expect(seen.size).toBeGreaterThan(4);
  expect(edge.edgeStatus?.hits).toBeGreaterThan(200);
});
