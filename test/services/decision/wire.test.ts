import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durationMs, timestampDate } from '@bufbuild/protobuf/wkt';
import { status as Code } from '@grpc/grpc-js';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import {
  action,
  attributes,
  entity,
  goodContext,
  long,
  person,
  ref,
  robot,
  set,
  sheet,
  text,
  vault,
} from './people.ts';
import { createScene, type Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await createScene();
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

const kim = person('kim');
const otto = person('otto');
const door = robot('door');

function window(ms = 60_000) {
  const now = Date.now();
  return { startsAt: new Date(now), expiresAt: new Date(now + ms) };
}

describe('Authorize', () => {
  it('answers with the effect, and what it was decided by', async () => {
    const before = Date.now();
    const answer = await scene.authorize({ principal: kim });
    expect(answer).toMatchObject({
      effect: Effect.ALLOW,
      grantId: '',
      policyIds: ['keepers-open'],
      advice: [],
      errors: [],
      revision: scene.service.followed.replica.revision,
      policyDigest: scene.service.followed.replica.engine.policies.digest,
      stale: false,
      accessOptions: [],
    });
    expect(answer.validUntil).toBeUndefined();
    expect(answer.validFor).toBeUndefined();
    expect(answer.decisionId).toMatch(/^[0-9a-f-]{36}$/);
    const decidedAt = answer.decidedAt && timestampDate(answer.decidedAt).getTime();
    expect(decidedAt).toBeGreaterThanOrEqual(before);
    expect(decidedAt).toBeLessThan(before + 60_000);
  });

  it('names the grant that permitted it and how long that holds', async () => {
    const terms = window();
    const { grantId, revision } = await scene.start({ subject: otto, ...terms });
    const answer = await scene.authorize({ principal: otto, atLeastRevision: revision });
    expect(answer).toMatchObject({ effect: Effect.ALLOW, grantId, policyIds: ['jit-open'] });
    expect(answer.validUntil && timestampDate(answer.validUntil)).toEqual(terms.expiresAt);
    const decidedAt = answer.decidedAt ? timestampDate(answer.decidedAt).getTime() : Number.NaN;
    expect(answer.validFor && durationMs(answer.validFor)).toBe(terms.expiresAt.getTime() - decidedAt);
    await scene.end(grantId);
  });

  it('is never denied at the revision of a start, and never allowed at the revision of an end', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { grantId, revision } = await scene.start({ subject: otto, ...window() });
      const allowed = await scene.authorize({ principal: otto, atLeastRevision: revision });
      expect(allowed).toMatchObject({ effect: Effect.ALLOW, grantId });
      expect(allowed.revision).toBeGreaterThanOrEqual(revision);
      const ended = await scene.end(grantId);
      expect(await scene.authorize({ principal: otto, atLeastRevision: ended })).toMatchObject({
        effect: Effect.DENY,
        grantId: '',
      });
    }
  });

  it('ends a grant at its very end, without anybody ending it', async () => {
    let permits = 0;
    // A busy machine may be too late for a short one.
    for (let ms = 1_500; permits === 0; ms *= 2) {
      const { expiresAt, startsAt } = window(ms);
      const { revision } = await scene.start({ subject: otto, startsAt, expiresAt });
      for (;;) {
        const answer = await scene.authorize({ principal: otto, atLeastRevision: revision });
        const decidedAt = answer.decidedAt ? timestampDate(answer.decidedAt) : new Date(Number.NaN);
        expect(answer.effect).toBe(decidedAt < expiresAt ? Effect.ALLOW : Effect.DENY);
        if (answer.effect === Effect.DENY) break;
        permits += 1;
      }
    }
  });

  it('D4 carries integers exactly to 2^63-1 and to -2^63', async () => {
    // The vault takes 2^63-2; a double knows no difference between that and one more.
    const weighing = (weight: bigint) =>
      scene.authorize({ principal: kim, context: attributes({ ...goodContext, weight: long(weight) }) });
    expect((await weighing(2n ** 63n - 2n)).effect).toBe(Effect.ALLOW);
    expect(await weighing(2n ** 63n - 1n)).toMatchObject({ effect: Effect.DENY, policyIds: ['light-only'] });
    expect(await weighing(-(2n ** 63n))).toMatchObject({ effect: Effect.DENY, errors: ['weightless'] });
    expect(await weighing(-(2n ** 62n))).toMatchObject({ effect: Effect.ALLOW, errors: [] });
  });

  it('says what an error was only when it explains', async () => {
    const asked = { principal: kim, context: attributes({ ...goodContext, weight: long(-(2n ** 63n)) }) };
    expect((await scene.authorize(asked)).errors).toEqual(['weightless']);
    expect((await scene.authorize({ ...asked, explain: true })).errors).toEqual([
      expect.stringMatching(/^weightless: .*overflow/s),
    ]);
  });

  it('explains a deny by the ways to get access', async () => {
    const answer = await scene.authorize({ principal: otto, explain: true });
    const [option, ...others] = answer.accessOptions;
    expect(others).toEqual([]);
    expect(option).toMatchObject({ workflow: 'open-at-length', steps: ['keeper:2', 'chief'] });
    expect(option?.maxDuration && durationMs(option.maxDuration)).toBe(8 * 3_600_000);
    expect(option?.defaultDuration && durationMs(option.defaultDuration)).toBe(2 * 3_600_000);
  });

  it('covers documents that the caller sends', async () => {
    const read = { principal: otto, action: action('read'), resource: sheet('s'), context: attributes({}) };
    const sent = entity(sheet('s'), [vault('plain')], { author: ref(otto), pages: long(2n ** 63n - 1n) });
    expect((await scene.authorize({ ...read, entities: [sent] })).policyIds).toEqual(['authors-read']);
  });

  it('takes Unicode of every plane, and tells it apart', async () => {
    const noted = (note: string) =>
      scene.authorize({ principal: kim, context: attributes({ ...goodContext, note: text(note) }) });
    expect((await noted('sealed 🗝️ \u0000')).effect).toBe(Effect.ALLOW);
    expect((await noted('sealed')).effect).toBe(Effect.DENY);
  });

  it('lets others ask only where a policy permits it', async () => {
    expect((await scene.authorize({ principal: kim, caller: door })).effect).toBe(Effect.ALLOW);
    const refusal = await refusalOf(scene.authorize({ principal: kim, caller: otto }));
    expect(refusal).toMatchObject({
      code: Code.PERMISSION_DENIED,
      reason: 'NOT_PERMITTED',
      domain: 'curfew',
    });
    expect(await refusalOf(scene.authorize({ principal: kim, caller: door, explain: true }))).toMatchObject({
      reason: 'NOT_PERMITTED',
      metadata: { right: 'explain' },
    });
  });

  it('lets others ask from the revision on that permits it', async () => {
    const stray = robot('stray');
    const asked = { principal: kim, caller: stray };
    expect(await refusalOf(scene.authorize(asked))).toMatchObject({ reason: 'NOT_PERMITTED' });
    const joined = await scene.put([entity(stray, [{ type: 'Team', id: 'doors' }])]);
    expect((await scene.authorize({ ...asked, atLeastRevision: joined })).effect).toBe(Effect.ALLOW);
    const left = await scene.put([entity(stray)]);
    expect(await refusalOf(scene.authorize({ ...asked, atLeastRevision: left }))).toMatchObject({
      reason: 'NOT_PERMITTED',
    });
  });
});

describe('at_least_revision', () => {
  it('waits for what is not there yet', async () => {
    const head = scene.service.followed.replica.revision;
    const waiting = scene.authorize({ principal: kim, atLeastRevision: head + 1n });
    const revision = await scene.put([entity(person('somebody'), [], { clearance: long(0n) })]);
    expect(revision).toBe(head + 1n);
    expect((await waiting).revision).toBeGreaterThanOrEqual(revision);
  });

  it('that does not come is no answer', async () => {
    const head = scene.service.followed.replica.revision;
    expect(await refusalOf(scene.authorize({ principal: kim, atLeastRevision: head + 1n }))).toMatchObject({
      code: Code.UNAVAILABLE,
      reason: 'REVISION_NOT_REACHED',
      metadata: { revision: String(head) },
    });
  });

  it.each([
    [1_000_001n, Code.FAILED_PRECONDITION, 'REVISION_UNREACHABLE'],
    [2n ** 62n, Code.FAILED_PRECONDITION, 'REVISION_UNREACHABLE'],
  ])('far beyond the head (%d more) is refused at once', async (more, code, reason) => {
    const atLeastRevision = scene.service.followed.replica.revision + more;
    expect(await refusalOf(scene.authorize({ principal: kim, atLeastRevision }))).toMatchObject({
      code,
      reason,
    });
  });

  it('that is negative is refused, naming the field', async () => {
    expect(await refusalOf(scene.authorize({ principal: kim, atLeastRevision: -1n }))).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason: 'FIELD_INVALID',
      violations: [{ field: 'at_least_revision' }],
    });
  });
});

describe('callers', () => {
  it('are people and services of the directory, nobody else', async () => {
    const bodies = [
      person('nobody'),
      vault('plain'),
      { type: 'Team', id: 'guards' },
      { type: 'Nothing', id: 'x' },
    ];
    for (const caller of bodies) {
      expect(await refusalOf(scene.authorize({ principal: kim, caller }))).toMatchObject({
        code: Code.UNAUTHENTICATED,
        reason: 'CALLER_UNKNOWN',
      });
    }
  });

  it('without credentials get nothing', async () => {
    const method = DecisionService.method.getStatus;
    expect(await refusalOf(scene.client.unary(method, {}))).toMatchObject({
      code: Code.UNAUTHENTICATED,
      reason: 'CREDENTIALS_MISSING',
    });
  });

  it('are unknown from the moment on in which they are deleted', async () => {
    const brief = person('brief');
    const { follower } = scene.service.followed;
    await follower.waitFor(await scene.put([entity(brief, [], { clearance: long(1n) })]), 5_000);
    expect((await scene.authorize({ principal: brief })).effect).toBe(Effect.DENY);
    await follower.waitFor(await scene.remove([brief]), 5_000);
    expect(await refusalOf(scene.authorize({ principal: brief }))).toMatchObject({
      reason: 'CALLER_UNKNOWN',
    });
  });
});

it('GetStatus says how current the process is, and what it takes', async () => {
  const status = await scene.client.unary(DecisionService.method.getStatus, {}, await scene.options(door));
  const { replica, follower } = scene.service.followed;
  expect(status).toMatchObject({
    revision: replica.revision,
    policyDigest: replica.engine.policies.digest,
    liveGrants: BigInt(replica.grants.size),
    ready: true,
    epoch: follower.epoch,
    limits: { messageBytes: 1_048_576, questionBytes: 65_536, batchQuestions: 500 },
  });
  expect(status.staleness && durationMs(status.staleness)).toBeLessThan(2_000);
  expect(status.limits?.stalenessBound && durationMs(status.limits.stalenessBound)).toBe(2_000);
  expect(status.limits?.staleStanding && durationMs(status.limits.staleStanding)).toBe(60_000);
});

it('records and sets of the declared shape are taken', async () => {
  const extra = { kind: 'record', fields: attributes({ deep: set(text('a'), text('b')) }) } as const;
  const answer = await scene.authorize({ principal: kim, context: attributes({ ...goodContext, extra }) });
  expect(answer.effect).toBe(Effect.ALLOW);
});
