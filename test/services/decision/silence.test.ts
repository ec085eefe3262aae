import { status as Code } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GRANTS_HEALTH } from '../../../services/decision/watch-health.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import { FakeMachine } from './local-decision.ts';
import { person, robot } from './people.ts';
import { createScene, type Scene } from './scene.ts';

let scene: Scene;
let machine: FakeMachine;

beforeEach(async () => {
  machine = new FakeMachine();
  machine.wall = Date.now();
  scene = await createScene({ machine });
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const kim = { principal: person('kim') };
const otto = { principal: person('otto') };
const names = [GRANTS_HEALTH, DecisionService.typeName, ''];

const health = () => Promise.all(names.map(healthOf));

function healthOf(service: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? expect.unreachable();
  const { promise, resolve } = Promise.withResolvers<string>();
  scene.client.raw.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { service },
    (error, answer) => {
      const response = answer as { readonly status: string } | undefined; // the library's message
      resolve(error === null ? (response?.status ?? '') : Code[error.code]);
    },
  );
  return promise;
}

const ready = async (): Promise<number> =>
  (await fetch(`http://127.0.0.1:${scene.service.httpPort}/readyz`)).status;
const [serving, not] = ['SERVING', 'NOT_SERVING'];

describe('when the database is silent', () => {
  it('I16 grants permit until S, standing permits go on marked stale, and then nothing is permitted', async () => {
    const now = Date.now();
    const { revision } = await scene.start({
      subject: otto.principal,
      startsAt: new Date(now),
      expiresAt: new Date(now + 3_600_000),
    });
    expect((await scene.authorize({ ...otto, atLeastRevision: revision })).effect).toBe(Effect.ALLOW);
    await expect.poll(health, { timeout: 20_000 }).toEqual([serving, serving, serving]);
    expect(await ready()).toBe(200);

    // From here on no poll is answered, and this machine's clock stands still until it is moved.
    const speak = await scene.silence();
    machine.advance(1_999);
    expect((await scene.authorize(otto)).effect).toBe(Effect.ALLOW);

    machine.advance(1);
    expect(await refusalOf(scene.authorize(otto))).toMatchObject({
      reason: 'STALE',
      metadata: { age_ms: '2000' },
    });
    expect(await scene.authorize(kim)).toMatchObject({ effect: Effect.ALLOW, stale: true });
    await expect.poll(health, { timeout: 20_000 }).toEqual([not, serving, serving]);
    expect(await ready()).toBe(200);
    const status = await scene.client.unary(
      DecisionService.method.getStatus,
      {},
      await scene.options(robot('door')),
    );
    expect(status).toMatchObject({ ready: false, liveGrants: 1n });
    expect(status.staleness && durationMs(status.staleness)).toBe(2_000);

    machine.advance(60_000);
    expect(await refusalOf(scene.authorize(kim))).toMatchObject({ reason: 'STALE' });
    await expect.poll(health, { timeout: 20_000 }).toEqual([not, not, not]);
    expect(await ready()).toBe(503);

    await speak();
    await expect.poll(health, { timeout: 20_000 }).toEqual([serving, serving, serving]);
    expect(await scene.authorize(otto)).toMatchObject({ effect: Effect.ALLOW, stale: false });
  });

  it('what is asked for at a revision that cannot be read has no answer', async () => {
    const head = scene.service.followed.replica.revision;
    const speak = await scene.silence();
    expect(await refusalOf(scene.authorize({ ...kim, atLeastRevision: head + 1n }))).toMatchObject({
      reason: 'REVISION_NOT_REACHED',
    });
    await speak();
  });
});
